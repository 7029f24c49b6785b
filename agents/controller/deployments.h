// A Deployment replaces the pods of one template by those of the next, through ReplicaSets.
#pragma once

#include "agents/controller/change.h"
#include "agents/controller/pod_state.h"
#include "agents/controller/times.h"

namespace controller {

// How far a rolling update may leave the number of replicas.
struct RolloutLimits {
  int64_t most_pods = 0;        // replicas + maxSurge
  int64_t least_available = 0;  // replicas - maxUnavailable
};
RolloutLimits rollout_limits(const kube::Deployment& deployment);

// The next step: ReplicaSets to be made, scaled, taken over or forgotten, and the Deployment's status.
Decision reconcile_deployment(const kube::Deployment& deployment, const ReplicaSets& sets, const Pods& pods, Time now);

}  // namespace controller
