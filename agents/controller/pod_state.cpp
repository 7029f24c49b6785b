#include "agents/controller/pod_state.h"

namespace controller {

bool is_lost(const std::string& node, const Nodes& nodes) {
  auto found = nodes.find(node);
  if (found == nodes.end()) return true;
  const kube::Condition* ready = kube::find_condition(found->second.conditions, "Ready");
  return ready != nullptr && ready->status == "Unknown";
}

bool is_ready(const kube::Pod& pod, const Nodes& nodes) {
  return pod.ready() && !is_lost(pod.node_name, nodes);
}

bool is_active(const kube::Pod& pod) {
  return !pod.finished() && !pod.terminating();
}

std::optional<Time> readiness_changed_at(const kube::Pod& pod) {
  const kube::Condition* ready = kube::find_condition(pod.conditions, "Ready");
  return ready == nullptr ? std::nullopt : parse_time(ready->last_transition_time);
}

}  // namespace controller
