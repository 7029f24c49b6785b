// Client of the node API (docs/node-api.md): through it the pods of this node are made, run and ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/http.h"

namespace nodelet {

struct RunningContainer {
  std::string id;
  std::string name;
  bool running = false;
  int exit_code = 0;
};

// A pod as the node has it.
struct Sandbox {
  std::string name;  // "default/web"
  std::string uid;
  std::string address;
  bool host_network = false;
  bool killed = false;
  std::vector<RunningContainer> containers;
};

struct SandboxRequest {
  std::string uid;
  std::string hostname;
  bool host_network = false;
  std::string address;  // these are unused with HOST_NETWORK
  std::string gateway;
  std::string bridge_address;
  std::optional<std::uint32_t> mtu;
  std::map<std::string, std::vector<std::string>> hosts = {};  // address → names
  std::optional<boost::json::object> dns;

  boost::json::object body() const;
};

struct ContainerRequest {
  std::string name;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string working_directory;

  boost::json::object body() const;
};

struct ContainerExit {
  std::string pod;
  std::string id;
  std::string container;
  int exit_code = 0;
};

struct CommandResult {
  int exit_code = -1;  // -1: it could not be run, or took too long
  std::string output;
  std::string error;
};

// What came of a request: a value, or the node API's words against it.
template <class T>
struct Answer {
  std::optional<T> value;
  std::string error;
  bool unreachable = false;  // nobody answered

  bool ok() const { return value.has_value(); }
};
struct Nothing {};

class NodeApi {
 public:
  template <class T>
  using Done = std::function<void(Answer<T>)>;

  NodeApi(boost::asio::io_context& loop, const std::string& socket);

  // POD is "namespace/name".
  void list(Done<std::vector<Sandbox>> done);
  void create(const std::string& pod, const SandboxRequest& request, Done<Sandbox> done);
  void remove(const std::string& pod, Done<Nothing> done);
  void start(const std::string& pod, const ContainerRequest& request, Done<RunningContainer> done);
  void signal(const std::string& pod, const std::string& container_id, int signal);
  // The handle cancels it: then nothing is called.
  std::shared_ptr<base::http::Call> execute(const std::string& pod, const std::vector<std::string>& arguments,
                                            std::chrono::seconds timeout, Done<CommandResult> done);

  struct EventCallbacks {
    std::function<void()> on_connected;  // events are reported from now on: look at what is there
    std::function<void(const ContainerExit&)> on_exit;
    std::function<void(const std::string& reason)> on_lost;  // once for each loss; it goes on trying
  };
  void follow(EventCallbacks callbacks);
  bool connected() const { return connected_; }

 private:
  std::shared_ptr<base::http::Call> call(const std::string& method, const std::string& target,
                                         const boost::json::object* body,
                                         std::function<void(Answer<boost::json::object>)> done);
  void connect();
  void lost(const std::string& reason);

  base::http::Client http_;
  boost::asio::steady_timer retry_;
  EventCallbacks callbacks_;
  std::shared_ptr<base::http::Call> stream_;
  bool connected_ = false;
  bool told_ = false;
};

// Of an object as the node API describes pods.
Sandbox parse_sandbox(const boost::json::object& object);

}  // namespace nodelet
