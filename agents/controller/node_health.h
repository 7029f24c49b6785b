// Which kubelets are alive, and what becomes of the others' nodes. A kubelet renews a Lease in kube-node-lease every
// few seconds, and confirms its node's conditions from time to time.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "agents/controller/change.h"
#include "agents/controller/pod_state.h"
#include "agents/controller/times.h"

namespace controller {

using Steady = std::chrono::steady_clock;

// When each node was last heard of: our clock counts, not the node's, so that only changes are signs of life.
class Heartbeats {
 public:
  // RENEWED_AT is the Lease's renewTime; the clock starts when a node is seen for the first time.
  void observe_lease(const std::string& node, const std::string& renewed_at, Steady::time_point now);
  void observe_node(const kube::Node& node, Steady::time_point now);
  void forget(const std::string& node) { nodes_.erase(node); }
  // For after a time in which nothing could be seen.
  void excuse_all(Steady::time_point now);

  Steady::duration silence(const std::string& node, Steady::time_point now) const;

 private:
  struct Heartbeat {
    std::string lease;
    std::string condition;
    Steady::time_point seen;
  };
  std::map<std::string, Heartbeat> nodes_;
};

// A node that has been silent for GRACE gets the condition Ready=Unknown. To take that back is its kubelet's part.
Decision judge_nodes(const Nodes& nodes, const Heartbeats& heartbeats, const Now& now, Steady::duration grace);

}  // namespace controller
