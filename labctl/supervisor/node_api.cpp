#include "labctl/supervisor/node_api.h"

#include <boost/json.hpp>

#include "labctl/supervisor/run_to_end.h"
#include "lib/base/error.h"

namespace supervisor {

NodeApi::NodeApi(Lab& lab, std::string node, const std::string& socket)
    : lab_(lab), node_(std::move(node)), server_(lab.loop(), [this](ExchangePointer exchange) { handle(exchange); }) {
  server_.listen(base::http::Endpoint::unix_socket(socket));
}

void NodeApi::handle(const ExchangePointer& exchange) {
  answer_errors(exchange, [&] {
    Segments segments = exchange->request().segments();
    const std::string what = segments.size() >= 2 && segments[0] == "v1" ? segments[1] : "";
    if (what == "events") return follow_events(exchange);
    if (what != "pods") return refuse(*exchange, 404, "no " + exchange->request().path + " here");
    if (segments.size() >= 4) return handle_pod(exchange, segments);
    boost::json::array pods;
    for (Pod* pod : lab_.pods().of_host(node_)) pods.push_back(Pods::to_json(*pod));
    answer(*exchange, boost::json::object{{"pods", std::move(pods)}});
  });
}

void NodeApi::handle_pod(const ExchangePointer& exchange, const Segments& segments) {
  const base::http::Request& request = exchange->request();
  std::string name = segments[2] + "/" + segments[3];
  Pod* pod = lab_.pods().find(name);
  if (pod != nullptr && pod->host != node_) throw base::Error("pod " + name + " is on node " + pod->host);
  if (segments.size() == 4 && request.method == "PUT") {
    return answer(*exchange, Pods::to_json(lab_.pods().create(node_, name, body_of(request))));
  }
  if (segments.size() == 4 && request.method == "DELETE") {
    lab_.pods().remove(name);
    return answer(*exchange, boost::json::object{});
  }
  if (pod == nullptr) return refuse(*exchange, 404, "no pod " + name + " on node " + node_);
  if (segments.size() == 4) return answer(*exchange, Pods::to_json(*pod));
  if (segments[4] == "exec") return handle_exec(exchange, *pod);
  if (segments[4] == "containers") return handle_container(exchange, *pod, segments);
  refuse(*exchange, 404, "a pod has containers, and exec");
}

void NodeApi::handle_container(const ExchangePointer& exchange, Pod& pod, const Segments& segments) {
  if (segments.size() == 5) {
    return answer(*exchange, Pods::to_json(lab_.pods().start_container(pod, body_of(exchange->request()))));
  }
  auto found = pod.containers.find(segments[5]);
  if (found == pod.containers.end()) return refuse(*exchange, 404, "no container " + segments[5] + " in this pod");
  const std::string what = segments.size() > 6 ? segments[6] : "";
  if (what == "log") return answer_log(exchange, found->second.log);
  if (what != "signal") return refuse(*exchange, 404, "a container has a log, and can be signalled");
  lab_.pods().signal(found->second, body_of(exchange->request()).at("signal").to_number<int>());
  answer(*exchange, boost::json::object{});
}

void NodeApi::handle_exec(const ExchangePointer& exchange, Pod& pod) {
  boost::json::object request = body_of(exchange->request());
  std::vector<std::string> arguments;
  for (const boost::json::value& word : request.at("argv").as_array()) arguments.emplace_back(word.as_string());
  const boost::json::value* seconds = request.if_contains("timeoutSeconds");
  std::chrono::milliseconds timeout(
      static_cast<std::int64_t>((seconds == nullptr ? 1.0 : seconds->to_number<double>()) * 1000));
  try {
    run_to_end(lab_.loop(), lab_.reaper(), *pod.node, arguments, timeout, [exchange](const CommandOutcome& outcome) {
      boost::json::object body{{"exit", outcome.exit_code}, {"output", outcome.output}};
      if (outcome.exit_code < 0) body["error"] = "it took too long";
      answer(*exchange, body);
    });
  } catch (const base::Error& error) {
    answer(*exchange, boost::json::object{{"exit", -1}, {"output", ""}, {"error", error.what()}});
  }
}

void NodeApi::follow_events(const ExchangePointer& exchange) {
  base::http::Response head;
  head.content_type = "application/x-ndjson";
  std::shared_ptr<base::http::ResponseStream> stream = exchange->stream(std::move(head));
  Pods& pods = lab_.pods();
  std::uint64_t follower = pods.follow_exits([stream, node = node_](const Pod& pod, const Container& container) {
    if (pod.host != node) return;
    boost::json::object event{
        {"pod", pod.name}, {"id", container.id}, {"container", container.name}, {"exit", container.exit_code}};
    write_bounded(*stream, line_of(event));
  });
  stream->on_closed([&pods, follower] { pods.unfollow_exits(follower); });
}

}  // namespace supervisor
