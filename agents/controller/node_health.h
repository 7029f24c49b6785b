// Which kubelets are alive, by the Leases in kube-node-lease that they renew, and what becomes of the others' nodes.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "agents/controller/change.h"
#include "agents/controller/pod_state.h"
#include "agents/controller/times.h"

namespace controller {

using Steady = std::chrono::steady_clock;

// When each node was last seen to renew its Lease: our clock counts, not the node's.
class Heartbeats {
 public:
  // RENEWED_AT is the Lease's renewTime; the clock starts when a node is seen for the first time.
  void observe_lease(const std::string& node, const std::string& renewed_at, Steady::time_point now);
  void observe_node(const std::string& node, Steady::time_point now);
  void forget(const std::string& node) { nodes_.erase(node); }
  // For after a time in which nothing could be seen.
  void excuse_all(Steady::time_point now);

  Steady::duration silence(const std::string& node, Steady::time_point now) const;
  // Whether it has been seen to renew its Lease, as opposed to being new to us.
  bool has_renewed(const std::string& node) const;

 private:
  struct Heartbeat {
    std::string renewed_at;
    Steady::time_point seen;
    bool renewed = false;
  };
  std::map<std::string, Heartbeat> nodes_;
};

// A node that has been silent for GRACE gets the condition Ready=Unknown, and Ready=True again once it is heard.
Decision judge_nodes(const Nodes& nodes, const Heartbeats& heartbeats, const Now& now, Steady::duration grace);

}  // namespace controller
