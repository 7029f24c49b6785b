#include "agents/controller/node_health.h"

#include <boost/json/array.hpp>

#include "agents/controller/conditions.h"

namespace controller {
namespace {

constexpr const char* component = "node-controller";
constexpr const char* silent = "NodeStatusUnknown";

Change set_ready(const kube::Node& node, const kube::Condition& condition, Time now, const std::string& summary) {
  Object object = condition_object(condition, node.conditions, now);
  Change change =
      patch_status(kube::resources::nodes, node.metadata, {{"conditions", boost::json::array{std::move(object)}}},
                   "node " + node.metadata.name + ": " + summary);
  std::string state = condition.status == "True" ? "NodeReady" : "NodeNotReady";
  change.event = event_about(kube::resources::nodes, node.metadata, component, "Normal", state,
                             "Node " + node.metadata.name + " status is now: " + state);
  return change;
}

}  // namespace

void Heartbeats::observe_lease(const std::string& node, const std::string& renewed_at, Steady::time_point now) {
  auto [place, is_new] = nodes_.try_emplace(node, Heartbeat{renewed_at, now});
  Heartbeat& heartbeat = place->second;
  if (is_new || heartbeat.renewed_at == renewed_at) return;
  // A Lease that was there before us says nothing about now.
  heartbeat.renewed = !heartbeat.renewed_at.empty();
  heartbeat.renewed_at = renewed_at;
  heartbeat.seen = now;
}

void Heartbeats::observe_node(const std::string& node, Steady::time_point now) {
  nodes_.try_emplace(node, Heartbeat{{}, now});
}

void Heartbeats::excuse_all(Steady::time_point now) {
  for (auto& [node, heartbeat] : nodes_) heartbeat.seen = now;
}

Steady::duration Heartbeats::silence(const std::string& node, Steady::time_point now) const {
  auto found = nodes_.find(node);
  return found == nodes_.end() ? Steady::duration::zero() : now - found->second.seen;
}

bool Heartbeats::has_renewed(const std::string& node) const {
  auto found = nodes_.find(node);
  return found != nodes_.end() && found->second.renewed;
}

Decision judge_nodes(const Nodes& nodes, const Heartbeats& heartbeats, const Now& now, Steady::duration grace) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  Decision decision;
  for (const auto& [name, node] : nodes) {
    const kube::Condition* ready = kube::find_condition(node.conditions, "Ready");
    bool unknown = ready != nullptr && ready->status == "Unknown";
    Steady::duration silence = heartbeats.silence(name, now.steady);
    if (silence < grace) decision.look_again_after(duration_cast<milliseconds>(grace - silence) + milliseconds(1));
    if (silence >= grace && !unknown) {
      decision.changes.push_back(
          set_ready(node, {"Ready", "Unknown", silent, "Kubelet stopped posting node status."}, now.wall,
                    "has not renewed its Lease for " +
                        std::to_string(duration_cast<std::chrono::seconds>(silence).count()) + " s: not ready"));
    }
    // Real kubelets take back their word themselves; that of a lab need not.
    bool heard_again = unknown && ready->reason == silent && silence < grace && heartbeats.has_renewed(name);
    if (heard_again) {
      decision.changes.push_back(set_ready(node, {"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
                                           now.wall, "renews its Lease again: ready"));
    }
  }
  return decision;
}

}  // namespace controller
