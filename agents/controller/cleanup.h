// What nobody looks after any more: pods of nodes that are gone, and objects whose owner is gone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "agents/controller/change.h"
#include "agents/controller/node_health.h"
#include "agents/controller/pod_state.h"

namespace controller {

// Since when each of a changing set of names has been in it.
class Since {
 public:
  void update(const std::set<std::string>& names, Steady::time_point now);
  std::optional<Steady::time_point> when(const std::string& name) const;

 private:
  std::map<std::string, Steady::time_point> times_;
};

struct CleanupDelays {
  // Of pods whose node does not exist: it may not have been registered yet.
  std::chrono::seconds missing_node{40};
  // Of pods whose node is silent: as long as Kubernetes lets pods tolerate that, unless they say otherwise.
  std::chrono::seconds silent_node{300};
  // Of objects whose owner does not exist: news of the one may be ahead of news of the other.
  std::chrono::seconds missing_owner{10};
};

// The nodes that pods are on, but that do not exist.
std::set<std::string> missing_nodes(const Pods& pods, const Nodes& nodes);
Decision clean_up_pods_of_lost_nodes(const Pods& pods, const Nodes& nodes, const Since& missing,
                                     const CleanupDelays& delays, const Now& now);

// The uids of ReplicaSets that own pods, and of Deployments that own ReplicaSets, but that do not exist.
std::set<std::string> missing_owners(const Pods& pods, const ReplicaSets& sets, const Deployments& deployments);
// The API server takes along what an object owns; this is for what was made while it did so.
Decision collect_orphans(const Pods& pods, const ReplicaSets& sets, const Since& missing, const CleanupDelays& delays,
                         const Now& now);

}  // namespace controller
