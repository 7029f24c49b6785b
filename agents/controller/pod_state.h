// What may be said of a pod when its node is taken into account.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agents/controller/times.h"
#include "lib/kube/objects.h"

namespace controller {

using Nodes = std::map<std::string, kube::Node>;  // by name
using Pods = std::map<std::string, kube::Pod>;    // by "namespace/name"
using ReplicaSets = std::map<std::string, kube::ReplicaSet>;
using Deployments = std::map<std::string, kube::Deployment>;

// Whether nobody speaks for the pods of this node: it does not exist, or its kubelet has fallen silent.
bool is_lost(const std::string& node, const Nodes& nodes);

// Its own word counts as long as its node is there to give it. The real node lifecycle controller overwrites the
// pod's condition instead, and relies on the kubelet to put it right again.
bool is_ready(const kube::Pod& pod, const Nodes& nodes);

// Neither ended nor about to end.
bool is_active(const kube::Pod& pod);

// Since when the pod says that it is ready (or not).
std::optional<Time> readiness_changed_at(const kube::Pod& pod);

}  // namespace controller
