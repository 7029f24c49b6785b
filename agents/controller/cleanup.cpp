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

// Of OBJECT's owner, where it is of this kind and does not exist.
template <class Objects, class Owners>
void add_missing(const Objects& objects, const Owners& owners, const char* owner_kind, std::set<std::string>& uids) {
  for (const auto& [key, object] : objects) {
    const kube::OwnerReference* owner = managing_owner(object.metadata);
    bool missing =
        owner != nullptr && owner->kind == owner_kind && !owner_exists(owners, object.metadata.namespace_name, *owner);
    if (missing) uids.insert(owner->uid);
  }
}

template <class Objects>
void collect(const kube::Resource& kind, const Objects& objects, const Since& missing, const CleanupDelays& delays,
             const Now& now, Decision& decision) {
  for (const auto& [key, object] : objects) {
    const kube::OwnerReference* owner = managing_owner(object.metadata);
    if (owner == nullptr || object.metadata.deletion_timestamp) continue;
    auto since = missing.when(owner->uid);
    if (!since || !has_passed(*since, delays.missing_owner, now.steady, decision)) continue;
    decision.changes.push_back(
        remove(kind, object.metadata, "delete " + kind.kind + " " + key + ": its " + owner->kind + " is gone"));
  }
}

}  // namespace

void Since::update(const std::set<std::string>& names, Steady::time_point now) {
  std::erase_if(times_, [&](const auto& entry) { return names.count(entry.first) == 0; });
  for (const std::string& name : names) times_.try_emplace(name, now);
}

std::optional<Steady::time_point> Since::when(const std::string& name) const {
  auto found = times_.find(name);
  return found == times_.end() ? std::nullopt : std::optional(found->second);
}

std::set<std::string> missing_nodes(const Pods& pods, const Nodes& nodes) {
  std::set<std::string> missing;
  for (const auto& [key, pod] : pods) {
    if (!pod.node_name.empty() && nodes.count(pod.node_name) == 0) missing.insert(pod.node_name);
  }
  return missing;
}

Decision clean_up_pods_of_lost_nodes(const Pods& pods, const Nodes& nodes, const Since& missing,
                                     const CleanupDelays& delays, const Now& now) {
  Decision decision;
  decision.independent = true;
  for (const auto& [key, pod] : pods) {
    if (auto since = missing.when(pod.node_name)) {
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

std::set<std::string> missing_owners(const Pods& pods, const ReplicaSets& sets, const Deployments& deployments) {
  std::set<std::string> uids;
  add_missing(pods, sets, "ReplicaSet", uids);
  add_missing(sets, deployments, "Deployment", uids);
  return uids;
}

Decision collect_orphans(const Pods& pods, const ReplicaSets& sets, const Since& missing, const CleanupDelays& delays,
                         const Now& now) {
  Decision decision;
  decision.independent = true;
  collect(kube::resources::pods, pods, missing, delays, now, decision);
  collect(kube::resources::replica_sets, sets, missing, delays, now, decision);
  return decision;
}

}  // namespace controller
