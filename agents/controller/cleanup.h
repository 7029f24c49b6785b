// What nobody looks after any more: pods of nodes that are gone, and objects whose owner is gone.
#pragma once

#include <map>
#include <string>

#include "agents/controller/change.h"
#include "agents/controller/node_health.h"
#include "agents/controller/pod_state.h"

namespace controller {

// Since when each node that pods name has been missing.
class MissingNodes {
 public:
  void update(const Pods& pods, const Nodes& nodes, Steady::time_point now);
  // nullopt where the node is there, or no pod names it.
  std::optional<Steady::time_point> since(const std::string& node) const;

 private:
  std::map<std::string, Steady::time_point> since_;
};

struct CleanupDelays {
  // Of pods whose node does not exist: it may not have been registered yet.
  std::chrono::seconds missing_node{40};
  // Of pods whose node is silent: as long as Kubernetes lets pods tolerate that, unless they say otherwise.
  std::chrono::seconds silent_node{300};
  // Of objects whose owner does not exist: its creation may not have reached us yet.
  std::chrono::seconds missing_owner{10};
};

Decision clean_up_pods_of_lost_nodes(const Pods& pods, const Nodes& nodes, const MissingNodes& missing,
                                     const CleanupDelays& delays, const Now& now);

// The API server takes along what an object owns; this is for what was made while it did so.
Decision collect_orphans(const Pods& pods, const ReplicaSets& replica_sets, const Deployments& deployments,
                         const CleanupDelays& delays, Time now);

}  // namespace controller
