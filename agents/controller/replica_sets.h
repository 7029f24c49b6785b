// A ReplicaSet keeps as many pods as it is told to.
#pragma once

#include "agents/controller/change.h"
#include "agents/controller/names.h"
#include "agents/controller/pod_state.h"
#include "agents/controller/times.h"

namespace controller {

// Whether LEFT is deleted before RIGHT when there are too many.
bool goes_before(const kube::Pod& left, const kube::Pod& right, const std::map<std::string, size_t>& pods_on_node,
                 const Nodes& nodes);

// The pods to be made, deleted, taken over or let go, or, where all is as it should be, the set's status.
Decision reconcile_replica_set(const kube::ReplicaSet& set, const Pods& pods, const Nodes& nodes, Time now,
                               const Suffix& suffix);

}  // namespace controller
