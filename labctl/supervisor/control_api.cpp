#include "labctl/supervisor/control_api.h"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <charconv>

#include "labctl/supervisor/exec.h"
#include "labctl/supervisor/faults.h"
#include "labctl/topology/injection.h"
#include "labctl/topology/values.h"
#include "lib/base/error.h"

namespace supervisor {
namespace {

std::optional<std::uint16_t> port_of(const std::string& text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

ControlApi::ControlApi(Lab& lab, int listener)
    : lab_(lab), server_(lab.loop(), [this](ExchangePointer exchange) { handle(exchange); }) {
  server_.listen_on_descriptor(listener);
}

void ControlApi::handle(const ExchangePointer& exchange) {
  answer_errors(exchange, [&] {
    Segments segments = exchange->request().segments();
    const std::string what = segments.size() >= 2 && segments[0] == "v1" ? segments[1] : "";
    if (what == "lab") return handle_lab(exchange);
    if (what == "topology") return answer(*exchange, lab_.topology_text());
    if (what == "plan") return answer(*exchange, boost::json::parse(plan::to_json(lab_.plan())));
    if (what == "nodes") return handle_nodes(exchange, segments);
    if (what == "processes") return handle_processes(exchange, segments);
    if (what == "pods") return handle_pods(exchange, segments);
    if (what == "faults") return handle_faults(exchange, segments);
    if (what == "apply") return handle_apply(exchange);
    if (what == "events") return handle_events(exchange);
    if (what == "exec") return handle_exec(exchange);
    if (what == "forward") return handle_forward(exchange);
    refuse(*exchange, 404, "no " + exchange->request().path + " here");
  });
}

void ControlApi::handle_lab(const ExchangePointer& exchange) {
  if (exchange->request().method != "DELETE") return answer(*exchange, lab_.to_json());
  answer(*exchange, boost::json::object{});
  // The answer goes out first.
  boost::asio::post(lab_.loop(), [this] { lab_.end(); });
}

void ControlApi::handle_nodes(const ExchangePointer& exchange, const Segments& segments) {
  if (segments.size() == 2) return answer(*exchange, boost::json::object{{"nodes", lab_.nodes_to_json()}});
  const std::string& name = segments[2];
  std::shared_ptr<Node> node = lab_.find_node(name);
  if (!node) return refuse(*exchange, 404, "no node \"" + name + "\" in this lab");
  if (segments.size() == 3) return answer(*exchange, lab_.node_to_json(*node));
  if (segments[3] == "kill") {
    lab_.faults().kill(name);
  } else if (segments[3] == "restart") {
    return lab_.restart_node(name, [exchange](const std::string& failure) {
      if (failure.empty()) return answer(*exchange, boost::json::object{});
      refuse(*exchange, 409, failure);
    });
  } else {
    return refuse(*exchange, 404, "a node can be killed and restarted, not \"" + segments[3] + "\"");
  }
  answer(*exchange, boost::json::object{});
}

void ControlApi::handle_processes(const ExchangePointer& exchange, const Segments& segments) {
  Processes& processes = lab_.processes();
  const base::http::Request& request = exchange->request();
  if (segments.size() == 2) {
    return answer(*exchange, boost::json::object{{"processes", processes.to_json(request.parameter("node"))}});
  }
  const std::string& name = segments[2];
  if (!processes.has(name)) return refuse(*exchange, 404, "no process \"" + name + "\" in this lab");
  const std::string what = segments.size() > 3 ? segments[3] : "";
  if (what == "log") return answer_log(exchange, processes.log(name));
  if (what == "restart") {
    return processes.restart(name, [exchange](const std::string& failure) {
      if (failure.empty()) return answer(*exchange, boost::json::object{});
      refuse(*exchange, 409, failure);
    });
  }
  if (what == "signal") {
    processes.signal(name, body_of(request).at("signal").to_number<int>());
    return answer(*exchange, boost::json::object{});
  }
  refuse(*exchange, 404, "a process has a log, and can be restarted and signalled");
}

void ControlApi::handle_pods(const ExchangePointer& exchange, const Segments& segments) {
  if (segments.size() == 2) {
    boost::json::array pods;
    for (const auto& [name, pod] : lab_.pods().all()) pods.push_back(Pods::to_json(*pod));
    return answer(*exchange, boost::json::object{{"pods", std::move(pods)}});
  }
  Pod* pod = lab_.find_pod(segments[2]);
  if (pod == nullptr) return refuse(*exchange, 404, "no pod \"" + segments[2] + "\" in this lab");
  if (segments.size() == 3) return answer(*exchange, Pods::to_json(*pod));
  if (segments[3] == "log") return answer_log(exchange, pod->log);
  refuse(*exchange, 404, "a pod has a log");
}

void ControlApi::handle_faults(const ExchangePointer& exchange, const Segments& segments) {
  Faults& faults = lab_.faults();
  const base::http::Request& request = exchange->request();
  auto healed = [exchange](const std::string& failure) {
    if (failure.empty()) return answer(*exchange, boost::json::object{});
    refuse(*exchange, 409, failure);
  };
  if (segments.size() == 3 && request.method == "DELETE") {
    std::optional<std::uint64_t> id = topology::parse_unsigned(segments[2]);
    if (!id || !faults.has(*id)) return refuse(*exchange, 404, "no fault " + segments[2] + " is on in this lab");
    return faults.heal(*id, healed);
  }
  if (segments.size() != 2) return refuse(*exchange, 404, "no " + request.path + " here");
  if (request.method == "DELETE") return faults.heal_all(healed);
  if (request.method != "POST") return answer(*exchange, boost::json::object{{"faults", faults.to_json()}});
  boost::json::object body = body_of(request);
  std::optional<topology::Duration> lasting;
  if (const boost::json::value* text = body.if_contains("for")) {
    lasting = topology::parse_duration(std::string(text->as_string()));
    if (!lasting) return refuse(*exchange, 400, "\"for\" is no duration (500ms, 10s, 2m)");
  }
  faults.inject(topology::parse_injection(body.at("fault").as_object()), lasting,
                [exchange](const std::string& failure, const boost::json::object& fault) {
                  if (failure.empty()) return answer(*exchange, fault);
                  refuse(*exchange, 409, failure);
                });
}

// The difference first, then what is done as it is done, then how it ended; whether or not somebody reads it.
void ControlApi::handle_apply(const ExchangePointer& exchange) {
  const base::http::Request& request = exchange->request();
  if (request.method != "POST") return refuse(*exchange, 400, "a topology is applied by POST");
  boost::json::object wanted = body_of(request);
  boost::json::object difference = plan::to_json(lab_.difference_to(wanted));
  if (request.parameter("dryRun") == "1") return answer(*exchange, difference);
  // Set before anything is done: that is for the loop's next turns.
  auto stream = std::make_shared<std::shared_ptr<base::http::ResponseStream>>();
  auto tell = [stream](const boost::json::object& line) {
    if (*stream) write_bounded(**stream, line_of(line));
  };
  lab_.reconfigure(
      wanted,
      [tell](const std::string& what) {
        tell({{"done", what}});
      },
      [tell, stream](const std::string& why_not, const std::vector<std::string>& not_done) {
        boost::json::object end{{"applied", why_not.empty()}};
        if (!why_not.empty()) end["error"] = why_not;
        if (!not_done.empty()) end["notDone"] = boost::json::array(not_done.begin(), not_done.end());
        tell(end);
        if (*stream) (*stream)->finish();
      });
  base::http::Response head;
  head.content_type = "application/x-ndjson";
  head.body = line_of(boost::json::object{{"difference", difference}});
  *stream = exchange->stream(std::move(head));
}

void ControlApi::handle_events(const ExchangePointer& exchange) {
  base::http::Response head;
  head.content_type = "application/x-ndjson";
  for (const boost::json::object& event : lab_.events().all()) head.body += line_of(event);
  if (!wants_follow(exchange->request())) return exchange->respond(std::move(head));
  std::shared_ptr<base::http::ResponseStream> stream = exchange->stream(std::move(head));
  Events& events = lab_.events();
  std::uint64_t follower =
      events.follow([stream](const boost::json::object& event) { write_bounded(*stream, line_of(event)); });
  stream->on_closed([&events, follower] { events.unfollow(follower); });
}

void ControlApi::handle_exec(const ExchangePointer& exchange) {
  if (!exchange->request().is_websocket_upgrade()) return refuse(*exchange, 400, "exec is a WebSocket");
  exchange->upgrade_websocket([this](std::shared_ptr<base::http::WebSocket> client) {
    serve_exec(
        lab_.loop(), lab_.reaper(), [this](const std::string& name) { return lab_.find_node(name); },
        std::move(client));
  });
}

void ControlApi::handle_forward(const ExchangePointer& exchange) {
  const base::http::Request& request = exchange->request();
  if (!request.is_websocket_upgrade()) return refuse(*exchange, 400, "forward is a WebSocket");
  std::string name = request.parameter("node");
  std::string address = request.has_parameter("address") ? request.parameter("address") : "127.0.0.1";
  std::optional<std::uint16_t> port = port_of(request.parameter("port"));
  if (!port) return refuse(*exchange, 400, "\"port\" is not a port");
  std::shared_ptr<Node> node = lab_.find_node(name);
  if (!node) return refuse(*exchange, 404, "no node \"" + name + "\" in this lab");
  exchange->upgrade_websocket([this, node, address, port](std::shared_ptr<base::http::WebSocket> client) {
    serve_forward(lab_.loop(), *node, address, *port, std::move(client));
  });
}

}  // namespace supervisor
