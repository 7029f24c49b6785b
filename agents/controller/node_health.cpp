#include "agents/controller/node_health.h"

#include <boost/json/array.hpp>
#include <utility>

#include "agents/controller/conditions.h"

namespace controller {
namespace {

constexpr const char* component = "node-controller";

Change set_unknown(const kube::Node& node, Steady::duration silence, Time now) {
  kube::Condition condition{"Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."};
  Object object = condition_object(condition, node.conditions, now);
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
  const std::string& name = node.metadata.name;
  Change change =
      patch_status(kube::resources::nodes, node.metadata, {{"conditions", boost::json::array{std::move(object)}}},
                   "node " + name + ": has not renewed its Lease for " + std::to_string(seconds) + " s: not ready");
  change.event = event_about(kube::resources::nodes, node.metadata, component, "Normal", "NodeNotReady",
                             "Node " + name + " status is now: NodeNotReady");
  return change;
}

}  // namespace

void Heartbeats::observe_lease(const std::string& node, const std::string& renewed_at, Steady::time_point now) {
  Heartbeat& heartbeat = nodes_.try_emplace(node, Heartbeat{{}, {}, now}).first->second;
  // A Lease that was there before us says nothing about now.
  bool new_to_us = heartbeat.lease.empty();
  if (std::exchange(heartbeat.lease, renewed_at) != renewed_at && !new_to_us) heartbeat.seen = now;
}

void Heartbeats::observe_node(const kube::Node& node, Steady::time_point now) {
  Heartbeat& heartbeat = nodes_.try_emplace(node.metadata.name, Heartbeat{{}, {}, now}).first->second;
  const kube::Condition* ready = kube::find_condition(node.conditions, "Ready");
  if (ready == nullptr || ready->status == "Unknown") return;  // not its kubelet's word
  std::string condition = ready->status + ready->last_heartbeat_time + ready->last_transition_time;
  bool new_to_us = heartbeat.condition.empty();
  if (std::exchange(heartbeat.condition, condition) != condition && !new_to_us) heartbeat.seen = now;
}

void Heartbeats::excuse_all(Steady::time_point now) {
  for (auto& [node, heartbeat] : nodes_) heartbeat.seen = now;
}

Steady::duration Heartbeats::silence(const std::string& node, Steady::time_point now) const {
  auto found = nodes_.find(node);
  return found == nodes_.end() ? Steady::duration::zero() : now - found->second.seen;
}

Decision judge_nodes(const Nodes& nodes, const Heartbeats& heartbeats, const Now& now, Steady::duration grace) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  Decision decision;
  decision.independent = true;
  for (const auto& [name, node] : nodes) {
    const kube::Condition* ready = kube::find_condition(node.conditions, "Ready");
    bool unknown = ready != nullptr && ready->status == "Unknown";
    Steady::duration silence = heartbeats.silence(name, now.steady);
    if (silence < grace) decision.look_again_after(duration_cast<milliseconds>(grace - silence) + milliseconds(1));
    if (silence >= grace && !unknown) decision.changes.push_back(set_unknown(node, silence, now.wall));
  }
  return decision;
}

}  // namespace controller
