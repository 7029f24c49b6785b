// The pods of this node: those that the API wants, and those that the node has.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "agents/nodelet/node_api.h"
#include "agents/nodelet/pod_worker.h"
#include "lib/kube/informer.h"

namespace nodelet {

class Pods {
 public:
  // All must outlive it.
  Pods(Host& host, std::ostream& log);

  void start();
  // The node API reports events from now on: what happened before has to be looked up.
  void node_api_connected() { look(); }
  void take_exit(const ContainerExit& exit);
  // The host knows something new.
  void wake();
  bool empty() const { return workers_.empty(); }

 private:
  using Clock = std::chrono::steady_clock;

  void look();
  void looked(const Answer<std::vector<Sandbox>>& answer, Clock::time_point as_of);
  void compare(const std::map<std::string, Sandbox>& sandboxes, Clock::time_point as_of);
  void upsert(const kube::Object& object);
  void remove(const kube::Object& object);
  void create_worker(const kube::Object& object, const Sandbox* existing = nullptr);
  void worker_gone(const std::string& key, const std::string& uid);
  void remove_sandbox(const Sandbox& sandbox);
  void sandbox_removed(const std::string& key, const Answer<Nothing>& answer);
  void keep_ports();

  Host& host_;
  std::ostream& log_;
  kube::Informer objects_;
  std::map<std::string, std::shared_ptr<PodWorker>> workers_;  // by "namespace/name"
  // Sandboxes that nobody wants, with the address that each has until it is gone. A new pod of that name waits.
  struct Unwanted {
    std::optional<netlink::IpAddress> address;
    bool being_removed = false;
  };
  std::map<std::string, Unwanted> unwanted_;
  bool compared_ = false;  // once both the API and the node have been heard
  bool looking_ = false;
  bool look_again_ = false;
  boost::asio::steady_timer ports_timer_;
  std::string ports_complaint_;
};

}  // namespace nodelet
