// Pods: nodes of kind pod, made on behalf of a node's nodelet, and their containers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "labctl/supervisor/apply.h"
#include "labctl/supervisor/events.h"
#include "labctl/supervisor/output_log.h"
#include "labctl/supervisor/reaper.h"

namespace supervisor {

struct Container {
  std::string id;
  std::string name;
  pid_t pid = -1;
  bool running = false;
  int exit_code = 0;
  std::shared_ptr<OutputLog> log;
};

struct Pod {
  std::string name;  // "NAMESPACE/NAME"
  std::string uid;
  std::string host;  // the node it is on
  std::string address;
  bool host_network = false;
  boost::json::object request;  // as it was asked for
  std::shared_ptr<Node> node;   // the host itself where host_network is set
  std::map<std::string, Container> containers;
  std::shared_ptr<OutputLog> log = std::make_shared<OutputLog>();  // of all its containers, ended ones included
};

class Pods {
 public:
  Pods(boost::asio::io_context& loop, Reaper& reaper, Events& events, Nodes& nodes, Names names);

  // Idempotent: the same pod (by uid) again changes nothing. REQUEST as in docs/node-api.md. All or nothing.
  Pod& create(const std::string& host, const std::string& name, const boost::json::object& request);
  void remove(const std::string& name);
  Pod* find(const std::string& name) const;
  std::vector<Pod*> of_host(const std::string& host);
  const std::map<std::string, std::unique_ptr<Pod>>& all() const { return pods_; }

  Container& start_container(Pod& pod, const boost::json::object& request);
  // To its process and those that it started. One that has ended meanwhile is no error.
  void signal(const Container& container, int signal);
  // A container that exited: pod, container, exit code.
  using ExitFollower = std::function<void(const Pod&, const Container&)>;
  std::uint64_t follow_exits(ExitFollower follower);
  void unfollow_exits(std::uint64_t follower) { followers_.erase(follower); }

  // What the end of a pod's cable in its host is called.
  static std::string host_end(const std::string& pod);

  static boost::json::object to_json(const Pod& pod);
  static boost::json::object to_json(const Container& container);

  // Forgets the pods of a node that was killed or is built anew.
  void host_gone(const std::string& host);

 private:
  void connect(Pod& pod, const boost::json::object& request);
  void disconnect(const std::string& host, const std::string& pod);
  void ensure_bridge(Node& host, const boost::json::object& request);
  void container_exited(const std::string& pod, const std::string& id, int wait_status);

  boost::asio::io_context& loop_;
  Reaper& reaper_;
  Events& events_;
  Nodes& nodes_;
  Names names_;
  std::map<std::string, std::unique_ptr<Pod>> pods_;
  std::map<std::uint64_t, ExitFollower> followers_;
  std::uint64_t next_follower_ = 1;
  std::uint64_t next_container_ = 1;
};

}  // namespace supervisor
