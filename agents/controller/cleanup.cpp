#include "agents/controller/cleanup.h"

#include <set>

#include "agents/controller/ownership.h"

namespace controller {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Whether DELAY has passed since START; where not, the decision is to be made again when it has.
template <class Clock>
bool has_passed(std::chrono::time_point<Clock> start, std::chrono::seconds delay, std::chrono::time_point<Clock> now,
                Decision& decision) {
  if (now - start >= delay) return true;
  decision.look_again_after(duration_cast<milliseconds>(start + delay - now) + milliseconds(1));
  return false;
}

std::optional<Time> silent_since(const std::string& node_name, const Nodes& nodes) {
  auto found = nodes.find(node_name);
  if (found == nodes.end()) return std::nullopt;
  const kube::Condition* ready = kube::find_condition(found->second.conditions, "Ready");
  if (ready == nullptr || ready->status != "Unknown") return std::nullopt;
  return parse_time(ready->last_transition_time);
}

template <class Owners>
bool owner_exists(const Owners& owners, const std::string& namespace_name, const kube::OwnerReference& reference) {
  auto found = owners.find(namespace_name + "/" + reference.name);
  return found != owners.end() && found->second.metadata.uid == reference.uid;
}

template <class Owners>
void collect(const kube::Resource& kind, const kube::Metadata& object, const Owners& owners,
             const std::string& owner_kind, const CleanupDelays& delays, Time now, Decision& decision) {
  const kube::OwnerReference* owner = managing_owner(object);
  bool orphaned = owner != nullptr && owner->kind == owner_kind && !object.deletion_timestamp &&
                  !owner_exists(owners, object.namespace_name, *owner);
  if (!orphaned) return;
  Time created = parse_time(object.creation_timestamp).value_or(now);
  if (!has_passed(created, delays.missing_owner, now, decision)) return;
  decision.changes.push_back(
      remove(kind, object, "delete " + kind.kind + " " + object.key() + ": its " + owner->kind + " is gone"));
}

}  // namespace

void MissingNodes::update(const Pods& pods, const Nodes& nodes, Steady::time_point now) {
  std::set<std::string> missing;
  for (const auto& [key, pod] : pods) {
    if (!pod.node_name.empty() && nodes.count(pod.node_name) == 0) missing.insert(pod.node_name);
  }
  std::erase_if(since_, [&](const auto& entry) { return missing.count(entry.first) == 0; });
  for (const std::string& node : missing) since_.try_emplace(node, now);
}

std::optional<Steady::time_point> MissingNodes::since(const std::string& node) const {
  auto found = since_.find(node);
  return found == since_.end() ? std::nullopt : std::optional(found->second);
}

Decision clean_up_pods_of_lost_nodes(const Pods& pods, const Nodes& nodes, const MissingNodes& missing,
                                     const CleanupDelays& delays, const Now& now) {
  Decision decision;
  for (const auto& [key, pod] : pods) {
    if (auto since = missing.since(pod.node_name)) {
      if (!has_passed(*since, delays.missing_node, now.steady, decision)) continue;
      // Nobody is there to end it.
      Change change = remove(kube::resources::pods, pod.metadata,
                             "delete pod " + key + ": its node " + pod.node_name + " does not exist");
      change.grace_seconds = 0;
      decision.changes.push_back(std::move(change));
    } else if (auto silent = silent_since(pod.node_name, nodes); silent && is_active(pod)) {
      if (!has_passed(*silent, delays.silent_node, now.wall, decision)) continue;
      decision.changes.push_back(remove(kube::resources::pods, pod.metadata,
                                        "delete pod " + key + ": its node " + pod.node_name + " is silent"));
    }
  }
  return decision;
}

Decision collect_orphans(const Pods& pods, const ReplicaSets& replica_sets, const Deployments& deployments,
                         const CleanupDelays& delays, Time now) {
  Decision decision;
  for (const auto& [key, pod] : pods) {
    collect(kube::resources::pods, pod.metadata, replica_sets, "ReplicaSet", delays, now, decision);
  }
  for (const auto& [key, set] : replica_sets) {
    collect(kube::resources::replica_sets, set.metadata, deployments, "Deployment", delays, now, decision);
  }
  return decision;
}

}  // namespace controller
