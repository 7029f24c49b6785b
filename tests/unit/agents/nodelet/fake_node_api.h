// A node API (docs/node-api.md) without a node: pods are entries, and their processes do what the test says.
#pragma once

#include <signal.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/base/http.h"
#include "lib/kube/objects.h"

class FakeNodeApi {
 public:
  struct Container {
    std::string id;
    std::string name;
    boost::json::object request;
    bool running = true;
    int exit_code = 0;
  };
  struct Pod {
    boost::json::object request;
    bool killed = false;
    std::vector<Container> containers;
  };

  FakeNodeApi(boost::asio::io_context& loop, std::string path) : loop_(loop), path_(std::move(path)) { start(); }

  void stop() {
    server_.reset();
    followers_.clear();
  }
  void start() {
    server_ = std::make_unique<base::http::Server>(
        loop_, [this](std::shared_ptr<base::http::Exchange> exchange) { handle(exchange); });
    server_->listen(base::http::Endpoint::unix_socket(path_));
  }
  const std::string& path() const { return path_; }

  std::map<std::string, Pod> pods;
  // "create default/web", "start default/web web", "signal default/web web 15", "exec default/web …", "remove
  // default/web".
  std::vector<std::string> calls;
  size_t count(const std::string& call) const {
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
  }

  // What goes wrong, or otherwise than usual.
  std::string create_refusal;
  std::map<std::string, std::string> start_refusals;  // by container
  std::set<std::string> ignore_term;                  // containers
  std::map<std::string, int> exits_at_once;           // by container; the event comes before the answer
  std::function<boost::json::object(const std::string& command)> execute = [](const std::string&) {
    return boost::json::object{{"exit", 0}, {"output", ""}};
  };
  std::function<bool()> execute_later;  // a command runs until it says true; empty: it ends at once

  Container* find(const std::string& pod, const std::string& name) {
    auto found = pods.find(pod);
    if (found == pods.end()) return nullptr;
    for (auto at = found->second.containers.rbegin(); at != found->second.containers.rend(); ++at) {
      if (at->name == name) return &*at;
    }
    return nullptr;
  }
  bool runs(const std::string& pod, const std::string& name = "web") {
    Container* container = find(pod, name);
    return container != nullptr && container->running;
  }
  void exit(const std::string& pod, const std::string& name, int exit_code) { end(pod, *find(pod, name), exit_code); }
  // As `labctl kill` does with a pod: its processes end, and its namespaces are of no use any more.
  void kill(const std::string& pod) {
    pods.at(pod).killed = true;
    for (Container& container : pods.at(pod).containers) {
      if (container.running) end(pod, container, 137);
    }
  }

 private:
  using ExchangePointer = std::shared_ptr<base::http::Exchange>;

  void handle(const ExchangePointer& exchange) {
    const base::http::Request& request = exchange->request();
    std::vector<std::string> segments = request.segments();
    if (segments.size() == 2 && segments[1] == "events") return follow(exchange);
    if (segments.size() == 2) return answer(*exchange, list());
    std::string name = segments[2] + "/" + segments[3];
    if (segments.size() == 4 && request.method == "PUT") return create(*exchange, name);
    if (segments.size() == 4) return remove(*exchange, name);
    if (pods.count(name) == 0) return refuse(*exchange, 404, "no pod " + name + " on node worker1");
    if (segments[4] == "exec") return run(exchange, name);
    if (segments.size() == 5) return start_container(exchange, name);
    signal(*exchange, name, segments[5]);
  }

  static void answer(base::http::Exchange& exchange, const boost::json::object& body) {
    base::http::Response response;
    response.body = boost::json::serialize(body);
    exchange.respond(std::move(response));
  }
  static void refuse(base::http::Exchange& exchange, int status, const std::string& words) {
    base::http::Response response;
    response.status = status;
    response.body = boost::json::serialize(boost::json::object{{"error", words}});
    exchange.respond(std::move(response));
  }
  static boost::json::object body_of(base::http::Exchange& exchange) {
    return boost::json::parse(exchange.request().body).as_object();
  }

  static boost::json::object describe(const Container& container) {
    boost::json::object object{{"id", container.id}, {"name", container.name}, {"running", container.running}};
    if (!container.running) object["exit"] = container.exit_code;
    return object;
  }
  static boost::json::object describe(const std::string& name, const Pod& pod) {
    boost::json::array containers;
    for (const Container& container : pod.containers) containers.push_back(describe(container));
    std::string address = kube::text_at(pod.request, "address");
    return {{"name", name},
            {"uid", kube::text_at(pod.request, "uid")},
            {"address", address.substr(0, address.find('/'))},
            {"hostNetwork", kube::flag_at(pod.request, "hostNetwork")},
            {"state", pod.killed ? "killed" : "running"},
            {"containers", std::move(containers)}};
  }
  boost::json::object list() const {
    boost::json::array array;
    for (const auto& [name, pod] : pods) array.push_back(describe(name, pod));
    return {{"pods", std::move(array)}};
  }

  void create(base::http::Exchange& exchange, const std::string& name) {
    calls.push_back("create " + name);
    if (!create_refusal.empty()) return refuse(exchange, 409, create_refusal);
    boost::json::object request = body_of(exchange);
    auto found = pods.find(name);
    if (found == pods.end() || found->second.request.at("uid") != request.at("uid")) pods[name] = {request, false, {}};
    answer(exchange, describe(name, pods[name]));
  }
  void remove(base::http::Exchange& exchange, const std::string& name) {
    calls.push_back("remove " + name);
    pods.erase(name);
    answer(exchange, {});
  }

  void start_container(const ExchangePointer& exchange, const std::string& pod) {
    boost::json::object request = body_of(*exchange);
    std::string name = kube::text_at(request, "name");
    calls.push_back("start " + pod + " " + name);
    if (pods[pod].killed) return refuse(*exchange, 409, "pod " + pod + ": it has been killed");
    if (start_refusals.count(name) > 0) return refuse(*exchange, 409, start_refusals[name]);
    Container& container =
        pods[pod].containers.emplace_back(Container{"c" + std::to_string(next_id_++), name, request});
    boost::json::object description = describe(container);
    if (exits_at_once.count(name) == 0) return answer(*exchange, description);
    end(pod, container, exits_at_once[name]);
    auto later = std::make_shared<boost::asio::steady_timer>(loop_, std::chrono::milliseconds(30));
    later->async_wait(
        [later, exchange, description](const boost::system::error_code&) { answer(*exchange, description); });
  }

  void signal(base::http::Exchange& exchange, const std::string& pod, const std::string& id) {
    int number = static_cast<int>(kube::number_at(body_of(exchange), "signal"));
    answer(exchange, {});
    for (Container& container : pods[pod].containers) {
      if (container.id != id) continue;
      calls.push_back("signal " + pod + " " + container.name + " " + std::to_string(number));
      bool ends = number == SIGKILL || ignore_term.count(container.name) == 0;
      if (ends && container.running) end(pod, container, 128 + number);
    }
  }

  void run(const ExchangePointer& exchange, const std::string& pod) {
    std::string command;
    boost::json::object request = body_of(*exchange);
    for (const std::string& word : kube::strings_at(request, "argv")) command += (command.empty() ? "" : " ") + word;
    calls.push_back("exec " + pod + " " + command);
    end_command(exchange, command);
  }
  void end_command(const ExchangePointer& exchange, const std::string& command) {
    if (!execute_later || execute_later()) return answer(*exchange, execute(command));
    auto timer = std::make_shared<boost::asio::steady_timer>(loop_, std::chrono::milliseconds(5));
    timer->async_wait(
        [this, timer, exchange, command](const boost::system::error_code&) { end_command(exchange, command); });
  }

  void end(const std::string& pod, Container& container, int exit_code) {
    container.running = false;
    container.exit_code = exit_code;
    boost::json::object event{{"pod", pod}, {"id", container.id}, {"container", container.name}, {"exit", exit_code}};
    for (const auto& stream : followers_) stream->write(boost::json::serialize(event) + "\n");
  }
  void follow(const ExchangePointer& exchange) { followers_.push_back(exchange->stream({})); }

  boost::asio::io_context& loop_;
  std::string path_;
  std::unique_ptr<base::http::Server> server_;
  std::vector<std::shared_ptr<base::http::ResponseStream>> followers_;
  int next_id_ = 1;
};
