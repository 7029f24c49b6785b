#include "agents/controller/replica_sets.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <tuple>
#include <vector>

#include "agents/controller/ownership.h"
#include "lib/base/error.h"
#include "lib/kube/selector.h"

namespace controller {
namespace {

constexpr const char* component = "replicaset-controller";
const kube::Resource& pods_resource = kube::resources::pods;
const kube::Resource& sets_resource = kube::resources::replica_sets;

Object new_pod(const kube::ReplicaSet& set, const std::string& name) {
  Object pod = set.pod_template;
  boost::json::value& metadata = pod["metadata"];
  if (!metadata.is_object()) metadata.emplace_object();
  Object& fields = metadata.get_object();
  fields["name"] = name;
  fields["generateName"] = set.metadata.name + "-";
  fields["namespace"] = set.metadata.namespace_name;
  fields["ownerReferences"] = boost::json::array{owner_reference(sets_resource, set.metadata)};
  return pod;
}

Event set_event(const kube::ReplicaSet& set, const std::string& reason, const std::string& message,
                const std::string& type = "Normal") {
  return event_about(sets_resource, set.metadata, component, type, reason, message);
}

class ReplicaSetReconciliation {
 public:
  ReplicaSetReconciliation(const kube::ReplicaSet& set, const Pods& pods, const Nodes& nodes, Time now,
                           const Suffix& suffix)
      : set_(set), pods_(pods), nodes_(nodes), now_(now), suffix_(suffix) {
    for (const kube::Pod* pod : owned_objects(pods, set.metadata)) {
      if (is_active(*pod)) active_.push_back(pod);
    }
  }

  Decision decide() {
    if (set_.metadata.deletion_timestamp) return {};
    settle_claims();
    if (decision_.changes.empty()) adjust_number();
    if (decision_.changes.empty()) write_status();
    return std::move(decision_);
  }

 private:
  void settle_claims() {
    Owner owner{&sets_resource, &set_.metadata, owning_selector(set_.selector)};
    for (const auto& [key, pod] : pods_) {
      if (!is_active(pod)) continue;
      if (auto change = settle_claim(owner, pods_resource, pod.metadata)) {
        decision_.changes.push_back(std::move(*change));
      }
    }
  }

  void adjust_number() {
    auto wanted = static_cast<size_t>(std::max<int64_t>(set_.replicas, 0));
    if (active_.size() < wanted && !selects_its_template()) return refuse();
    for (size_t count = active_.size(); count < wanted; ++count) create_pod();
    if (active_.size() > wanted) delete_pods(active_.size() - wanted);
  }

  bool selects_its_template() const {
    return would_own(set_.selector, kube::string_map_at(set_.pod_template, "metadata.labels"));
  }

  // None of the pods would count as one of the set's, and so there would never be enough of them.
  void refuse() {
    const std::string message = "its selector does not match the labels of its template: no pods are made";
    Change change = report(prefix() + message);
    change.event = set_event(set_, "FailedCreate", message, "Warning");
    decision_.changes.push_back(std::move(change));
  }

  void create_pod() {
    std::string name = set_.metadata.name + "-" + suffix_();
    Change change = create(pods_resource, new_pod(set_, name), prefix() + "create pod " + name);
    change.event = set_event(set_, "SuccessfulCreate", "Created pod: " + name);
    // When a set and its pods are deleted, its end may be told after theirs.
    if (decision_.changes.empty()) change.needs = identity_of(sets_resource, set_.metadata);
    decision_.changes.push_back(std::move(change));
  }

  void delete_pods(size_t count) {
    std::map<std::string, size_t> on_node;
    for (const kube::Pod* pod : active_) ++on_node[pod->node_name];
    std::vector<const kube::Pod*> order = active_;
    std::sort(order.begin(), order.end(), [&](const kube::Pod* left, const kube::Pod* right) {
      return goes_before(*left, *right, on_node, nodes_);
    });
    for (size_t at = 0; at < count; ++at) {
      const kube::Metadata& pod = order[at]->metadata;
      Change change = remove(pods_resource, pod, prefix() + "delete pod " + pod.name);
      change.event = set_event(set_, "SuccessfulDelete", "Deleted pod: " + pod.name);
      decision_.changes.push_back(std::move(change));
    }
  }

  bool is_available(const kube::Pod& pod) {
    if (!is_ready(pod, nodes_)) return false;
    if (set_.min_ready_seconds == 0) return true;
    auto since = readiness_changed_at(pod);
    auto left = since.value_or(now_) + std::chrono::seconds(set_.min_ready_seconds) - now_;
    if (left <= left.zero()) return true;
    decision_.look_again_after(std::chrono::duration_cast<std::chrono::milliseconds>(left) +
                               std::chrono::milliseconds(1));
    return false;
  }

  void write_status() {
    kube::Selector labels = kube::Selector::from_labels(kube::string_map_at(set_.pod_template, "metadata.labels"));
    int64_t labelled = 0, ready = 0, available = 0;
    for (const kube::Pod* pod : active_) {
      labelled += labels.matches(pod->metadata.labels);
      ready += is_ready(*pod, nodes_);
      available += is_available(*pod);
    }
    auto replicas = static_cast<int64_t>(active_.size());
    auto as_tuple = [](auto... numbers) { return std::make_tuple(numbers...); };
    bool same = as_tuple(replicas, labelled, ready, available, set_.metadata.generation) ==
                as_tuple(set_.status_replicas, set_.fully_labeled_replicas, set_.ready_replicas,
                         set_.available_replicas, set_.observed_generation);
    if (same) return;
    decision_.changes.push_back(
        patch_status(sets_resource, set_.metadata,
                     {{"replicas", replicas},
                      {"fullyLabeledReplicas", labelled},
                      {"readyReplicas", ready},
                      {"availableReplicas", available},
                      {"observedGeneration", set_.metadata.generation}},
                     prefix() + std::to_string(ready) + " of " + std::to_string(set_.replicas) + " pods are ready"));
  }

  std::string prefix() const { return "replica set " + set_.metadata.key() + ": "; }

  const kube::ReplicaSet& set_;
  const Pods& pods_;
  const Nodes& nodes_;
  const Time now_;
  const Suffix& suffix_;
  std::vector<const kube::Pod*> active_;
  Decision decision_;
};

}  // namespace

// The order of kube-controller-manager (ActivePodsWithRanks): on no node, not running, not ready, where most of the set
// are together, youngest.
bool goes_before(const kube::Pod& left, const kube::Pod& right, const std::map<std::string, size_t>& pods_on_node,
                 const Nodes& nodes) {
  auto harm = [&](const kube::Pod& pod) {
    auto together = pods_on_node.find(pod.node_name);
    size_t neighbours = together == pods_on_node.end() ? 0 : together->second;
    return std::make_tuple(!pod.node_name.empty(), pod.phase == "Running", is_ready(pod, nodes),
                           -static_cast<int64_t>(neighbours));
  };
  if (harm(left) != harm(right)) return harm(left) < harm(right);
  const std::string &left_age = left.metadata.creation_timestamp, &right_age = right.metadata.creation_timestamp;
  if (left_age != right_age) return left_age > right_age;
  return left.metadata.name > right.metadata.name;
}

Decision reconcile_replica_set(const kube::ReplicaSet& set, const Pods& pods, const Nodes& nodes, Time now,
                               const Suffix& suffix) {
  return base::in_context("replica set " + set.metadata.key(),
                          [&] { return ReplicaSetReconciliation(set, pods, nodes, now, suffix).decide(); });
}

}  // namespace controller
