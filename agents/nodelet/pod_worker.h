// One pod of this node, from its first sight to its end.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/nodelet/address_pool.h"
#include "agents/nodelet/container_worker.h"
#include "agents/nodelet/dns.h"
#include "agents/nodelet/event_recorder.h"
#include "agents/nodelet/host_ports.h"
#include "agents/nodelet/node_api.h"
#include "agents/nodelet/pod_network.h"
#include "agents/nodelet/status_writer.h"
#include "lib/kube/client.h"

namespace nodelet {

// What all pods of the node share.
struct Host {
  boost::asio::io_context& loop;
  kube::Client& api;
  NodeApi& node_api;
  EventRecorder& recorder;
  std::string node;
  std::string address;

  AddressPool addresses = {};
  std::optional<PodNetwork> network = {};  // none yet: only pods in the node's own network can be made
  std::optional<ClusterDns> dns = {};      // none: not known yet whether there is a Service for it
  HostPorts ports = {};
};

class PodWorker : public std::enable_shared_from_this<PodWorker> {
 public:
  using Clock = std::chrono::steady_clock;
  struct Callbacks {
    std::function<void()> on_gone;   // nothing of the pod is left here, and its object needs us no more
    std::function<void()> on_doubt;  // see PodContext
  };

  // HOST must outlive it. Callbacks come from the event loop.
  PodWorker(Host& host, const kube::Object& object, Callbacks callbacks);
  ~PodWorker();

  const std::string& key() const { return key_; }
  const std::string& uid() const { return pod_.metadata.uid; }

  // EXISTING is what an earlier nodelet has made of it; null for nothing.
  void begin(const Sandbox* existing);
  void update(const kube::Object& object);
  // Its object is gone: end it at once.
  void abandon();

  void take_exit(const ContainerExit& exit);
  // What the node API has of it now; known at AS_OF.
  void reconcile(const Sandbox* existing, Clock::time_point as_of);
  // The host knows something new: its network or its DNS.
  void wake() { sync_soon(); }

 private:
  enum class Stage { none, creating, ready, removing, removed };

  void warn_of_unsupported();
  void adopt(const Sandbox& existing);
  void recall();

  void sync_soon();
  void sync();
  void sync_running();
  void sync_ending();

  void create_sandbox();
  bool may_create_sandbox() const;
  SandboxRequest sandbox_request();
  void sandbox_created(const Answer<Sandbox>& answer);
  void sandbox_ready();
  void map_ports();
  void unmap_ports();
  void sandbox_failed(const std::string& words);
  void lose_sandbox();
  void remove_sandbox();
  void sandbox_removed();
  void release_address();

  void start_containers();
  void stop_containers();
  bool any_active() const;
  bool is_finished() const;
  const RunningContainer* find(const Sandbox& sandbox, const ContainerWorker& worker) const;

  PodState state() const;
  void publish();
  void remove_object();
  void retry_after(std::chrono::milliseconds delay);
  Subject subject() const;
  template <class Function>
  void for_each_container(Function&& function) const;

  Host& host_;
  Callbacks callbacks_;
  kube::Pod pod_;
  kube::Object object_;
  std::string key_;
  PodContext context_;
  StatusWriter status_;
  std::vector<std::shared_ptr<ContainerWorker>> init_containers_;
  std::vector<std::shared_ptr<ContainerWorker>> containers_;

  Stage stage_ = Stage::none;
  Clock::time_point ready_since_{};
  std::optional<netlink::IpAddress> address_;
  std::string start_time_;
  BackOff back_off_;
  bool abandoned_ = false;
  bool sync_posted_ = false;
  bool waiting_to_retry_ = false;
  bool removing_object_ = false;
  bool object_gone_ = false;
  boost::asio::steady_timer retry_;
};

}  // namespace nodelet
