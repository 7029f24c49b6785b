// Keeps the Node object of this node, and its Lease, in the API: registers it, says whether it is ready, and does so
// again where the API server has lost everything. A Node that somebody deletes is gone until nodelet is started anew.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <ostream>
#include <string>

#include "agents/nodelet/event_recorder.h"
#include "agents/nodelet/node_object.h"
#include "lib/kube/client.h"
#include "lib/kube/informer.h"

namespace nodelet {

class NodeRegistration {
 public:
  // All must outlive it.
  NodeRegistration(kube::Client& api, EventRecorder& recorder, NodeIdentity identity, std::ostream& log);

  // ON_POD_CIDR: the Node's podCIDR is this from now on.
  void start(std::function<void(const std::string& pod_cidr)> on_pod_cidr);
  void set_readiness(const Readiness& readiness);

 private:
  void node_changed();
  void identify_cluster();
  void stay_away();
  void create_node();
  void report_status(const kube::Node& node);
  void renew_lease();
  void lease_renewed(const kube::Reply& reply);
  void try_again();

  kube::Client& api_;
  EventRecorder& recorder_;
  NodeIdentity identity_;
  MachineFacts facts_;
  std::ostream& log_;
  kube::TypedInformer<kube::Node> nodes_;
  std::function<void(const std::string&)> on_pod_cidr_;
  std::string pod_cidr_;
  Readiness readiness_;
  bool was_ready_ = false;
  bool under_way_ = false;
  std::string cluster_;
  bool identified_ = false;  // since the last list
  bool registered_ = false;  // there has been a Node of ours in this cluster
  bool staying_away_ = false;
  boost::asio::steady_timer retry_;
  boost::asio::steady_timer renewal_;
};

}  // namespace nodelet
