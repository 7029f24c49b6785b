// What a Deployment says of its rollout: what `kubectl rollout status` waits for.
#pragma once

#include <vector>

#include "agents/controller/change.h"
#include "agents/controller/times.h"
#include "lib/kube/objects.h"

namespace controller {

// NEW_SET is null before its creation; CREATED is its name where the same decision creates it.
struct RolloutState {
  std::vector<const kube::ReplicaSet*> sets;
  const kube::ReplicaSet* new_set = nullptr;
  std::string created;
  int64_t least_available = 0;
};

// Everything that was asked for is there, and nothing else.
bool is_complete(const kube::Deployment& deployment, const RolloutState& state);

// Adds the change of the status where it is not what it should be.
void write_deployment_status(const kube::Deployment& deployment, const RolloutState& state, Time now,
                             Decision& decision);

}  // namespace controller
