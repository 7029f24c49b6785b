#include "agents/nodelet/node_api.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "agents/nodelet/bridge.h"
#include "lib/kube/objects.h"

namespace nodelet {
namespace {

namespace http = base::http;
namespace json = boost::json;

// The supervisor is on the same machine and starts before us: it is back soon or never.
constexpr std::chrono::milliseconds retry_pause{200};

std::string target_of(const std::string& pod, const std::string& rest = {}) {
  size_t slash = pod.find('/');
  return "/v1/pods/" + http::encode(pod.substr(0, slash)) + "/" + http::encode(pod.substr(slash + 1)) + rest;
}

RunningContainer parse_container(const json::object& object) {
  return {kube::text_at(object, "id"), kube::text_at(object, "name"), kube::flag_at(object, "running"),
          static_cast<int>(kube::number_at(object, "exit"))};
}

json::object parse_object(std::string_view text) {
  boost::system::error_code failure;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failure);
  return !failure && value.is_object() ? value.get_object() : json::object();
}

Answer<json::object> to_answer(const http::Outcome& outcome) {
  Answer<json::object> answer;
  if (!outcome.ok()) {
    answer.error = outcome.error->what();
    answer.unreachable = true;
    return answer;
  }
  const http::Response& response = outcome.value();
  json::object body = parse_object(response.body);
  if (response.status >= 200 && response.status < 300) {
    answer.value = std::move(body);
  } else {
    answer.error = kube::text_at(body, "error", "HTTP status " + std::to_string(response.status));
  }
  return answer;
}

// An answer with its value turned into another one.
template <class T, class Parse>
Answer<T> converted(Answer<json::object> answer, Parse&& parse) {
  Answer<T> result{std::nullopt, std::move(answer.error), answer.unreachable};
  if (answer.value) result.value = parse(*answer.value);
  return result;
}

http::ClientOptions patient() {
  http::ClientOptions options;
  options.request_timeout = std::chrono::milliseconds(0);  // a command may take as long as its own timeout
  return options;
}

}  // namespace

json::object SandboxRequest::body() const {
  json::object object{{"uid", uid}, {"hostname", hostname}};
  if (host_network) {
    object["hostNetwork"] = true;
    return object;
  }
  object["address"] = address;
  object["gateway"] = gateway;
  object["bridge"] = bridge_name;
  object["bridgeAddress"] = bridge_address;
  if (mtu) object["mtu"] = static_cast<std::int64_t>(*mtu);
  json::object aliases;
  for (const auto& [ip, names] : hosts) aliases[ip] = json::array(names.begin(), names.end());
  if (!aliases.empty()) object["hosts"] = std::move(aliases);
  if (dns) object["dns"] = *dns;
  return object;
}

json::object ContainerRequest::body() const {
  json::object variables;
  for (const auto& [variable, value] : environment) variables[variable] = value;
  return {{"name", name},
          {"argv", json::array(arguments.begin(), arguments.end())},
          {"env", std::move(variables)},
          {"cwd", working_directory}};
}

Sandbox parse_sandbox(const json::object& object) {
  Sandbox sandbox{kube::text_at(object, "name"),
                  kube::text_at(object, "uid"),
                  kube::text_at(object, "address"),
                  kube::flag_at(object, "hostNetwork"),
                  kube::text_at(object, "state") == "killed",
                  {}};
  for (const json::value& element : kube::array_at(object, "containers")) {
    if (element.is_object()) sandbox.containers.push_back(parse_container(element.get_object()));
  }
  return sandbox;
}

NodeApi::NodeApi(boost::asio::io_context& loop, const std::string& socket)
    : http_(loop, http::Endpoint::unix_socket(socket), patient()), retry_(loop) {}

std::shared_ptr<http::Call> NodeApi::call(const std::string& method, const std::string& target,
                                          const json::object* body, std::function<void(Answer<json::object>)> done) {
  http::Request request;
  request.method = method;
  request.target = target;
  if (body != nullptr) {
    request.body = json::serialize(*body);
    request.headers.emplace("Content-Type", "application/json");
  }
  return http_.request(std::move(request), [done = std::move(done)](http::Outcome outcome) {
    if (done) done(to_answer(outcome));
  });
}

void NodeApi::list(Done<std::vector<Sandbox>> done) {
  call("GET", "/v1/pods", nullptr, [done = std::move(done)](Answer<json::object> answer) {
    done(converted<std::vector<Sandbox>>(std::move(answer), [](const json::object& object) {
      std::vector<Sandbox> sandboxes;
      for (const json::value& element : kube::array_at(object, "pods")) {
        if (element.is_object()) sandboxes.push_back(parse_sandbox(element.get_object()));
      }
      return sandboxes;
    }));
  });
}

void NodeApi::create(const std::string& pod, const SandboxRequest& request, Done<Sandbox> done) {
  json::object body = request.body();
  call("PUT", target_of(pod), &body, [done = std::move(done)](Answer<json::object> answer) {
    done(converted<Sandbox>(std::move(answer), parse_sandbox));
  });
}

void NodeApi::remove(const std::string& pod, Done<Nothing> done) {
  call("DELETE", target_of(pod), nullptr, [done = std::move(done)](Answer<json::object> answer) {
    done(converted<Nothing>(std::move(answer), [](const json::object&) { return Nothing(); }));
  });
}

void NodeApi::start(const std::string& pod, const ContainerRequest& request, Done<RunningContainer> done) {
  json::object body = request.body();
  call("POST", target_of(pod, "/containers"), &body, [done = std::move(done)](Answer<json::object> answer) {
    done(converted<RunningContainer>(std::move(answer), parse_container));
  });
}

void NodeApi::signal(const std::string& pod, const std::string& container_id, int signal) {
  json::object body{{"signal", signal}};
  call("POST", target_of(pod, "/containers/" + http::encode(container_id) + "/signal"), &body, nullptr);
}

std::shared_ptr<http::Call> NodeApi::execute(const std::string& pod, const std::vector<std::string>& arguments,
                                             std::chrono::seconds timeout, Done<CommandResult> done) {
  json::object body{{"argv", json::array(arguments.begin(), arguments.end())}, {"timeoutSeconds", timeout.count()}};
  return call("POST", target_of(pod, "/exec"), &body, [done = std::move(done)](Answer<json::object> answer) {
    done(converted<CommandResult>(std::move(answer), [](const json::object& object) {
      return CommandResult{static_cast<int>(kube::number_at(object, "exit", -1)), kube::text_at(object, "output"),
                           kube::text_at(object, "error")};
    }));
  });
}

void NodeApi::follow(EventCallbacks callbacks) {
  callbacks_ = std::move(callbacks);
  connect();
}

void NodeApi::connect() {
  http::Request request;
  request.target = "/v1/events";
  http::Client::StreamCallbacks callbacks;
  callbacks.on_head = [this](const http::Response& head) {
    if (head.status != 200) return;
    connected_ = true;
    told_ = false;
    callbacks_.on_connected();
  };
  callbacks.on_line = [this](std::string_view line) {
    json::object event = parse_object(line);
    if (!event.contains("id")) return;
    callbacks_.on_exit({kube::text_at(event, "pod"), kube::text_at(event, "id"), kube::text_at(event, "container"),
                        static_cast<int>(kube::number_at(event, "exit"))});
  };
  callbacks.on_end = [this](std::optional<base::Error> error) {
    lost(error ? error->what() : "it closed the stream of events");
  };
  stream_ = http_.stream(std::move(request), std::move(callbacks));
}

void NodeApi::lost(const std::string& reason) {
  connected_ = false;
  if (!std::exchange(told_, true)) callbacks_.on_lost(reason);
  retry_.expires_after(retry_pause);
  retry_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) connect();
  });
}

}  // namespace nodelet
