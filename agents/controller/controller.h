// Which change concerns whom: from what the API server tells to the decisions that are to be made anew.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "agents/controller/caches.h"
#include "agents/controller/cleanup.h"
#include "agents/controller/node_health.h"
#include "agents/controller/node_ranges.h"
#include "agents/controller/reconciler.h"
#include "lib/kube/client.h"

namespace controller {

struct Options {
  std::vector<ClusterRange> ranges;  // none: nodes are given no addresses
  std::chrono::milliseconds node_grace{10'000};
  CleanupDelays delays;
};

class Controller {
 public:
  // MASTER: "http://192.168.113.10:8080". LOG gets one line for each change made. Both LOOP and LOG must outlive it.
  Controller(boost::asio::io_context& loop, const std::string& master, Options options, std::ostream& log);

  void start();

 private:
  void add_decisions();
  template <class T>
  void follow(kube::TypedInformer<T>& informer);
  void follow_leases();
  void connection_changed(const std::string& plural, const std::string& reason);
  void completeness_changed();
  void resume();

  // Each asks for what depends on the object; called with the state before a change and with that after it.
  void concerns(const kube::Node& node);
  void concerns(const kube::Pod& pod);
  void concerns(const kube::Service& service);
  void concerns(const kube::EndpointSlice& slice);
  void concerns(const kube::ReplicaSet& set);
  void concerns(const kube::Deployment& deployment);

  const Options options_;
  std::ostream& log_;
  kube::Client client_;
  Caches caches_;
  Heartbeats heartbeats_;
  std::set<std::string> heard_nodes_;  // those that are not lost, to notice when that changes
  Since missing_nodes_;
  Since missing_owners_;
  Reconciler reconciler_;
  boost::asio::steady_timer resume_timer_;
  bool deciding_ = false;
  bool was_complete_ = false;
  bool waiting_ = false;  // and has said so
};

}  // namespace controller
