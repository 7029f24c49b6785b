#include "agents/controller/deployments.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <set>
#include <vector>

#include "agents/controller/deployment_status.h"
#include "agents/controller/names.h"
#include "agents/controller/ownership.h"
#include "lib/base/error.h"

namespace controller {
namespace {

constexpr const char* component = "deployment-controller";
constexpr const char* hash_label = "pod-template-hash";
constexpr const char* revision_annotation = "deployment.kubernetes.io/revision";
const kube::Resource& sets_resource = kube::resources::replica_sets;
using Sets = std::vector<const kube::ReplicaSet*>;

// "25%" of TOTAL, or the number itself.
int64_t share_of(const kube::IntOrString& share, int64_t total, bool round_up) {
  if (share.name.empty()) return share.number;
  int64_t percent = 0;
  std::from_chars(share.name.data(), share.name.data() + share.name.size(), percent);
  return (total * percent + (round_up ? 99 : 0)) / 100;
}

int64_t revision_of(const kube::Metadata& metadata) {
  auto found = metadata.annotations.find(revision_annotation);
  int64_t revision = 0;
  if (found != metadata.annotations.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), revision);
  }
  return revision;
}

Object without_hash(const Object& pod_template) {
  Object copy = pod_template;
  boost::json::value* metadata = copy.if_contains("metadata");
  boost::json::value* labels =
      metadata == nullptr || !metadata->is_object() ? nullptr : metadata->get_object().if_contains("labels");
  if (labels != nullptr && labels->is_object()) labels->get_object().erase(hash_label);
  return copy;
}

// OBJECT's member KEY as an object, made where it is none.
Object& member(Object& object, const char* key) {
  boost::json::value& value = object[key];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

bool older(const kube::ReplicaSet* left, const kube::ReplicaSet* right) {
  const kube::Metadata &one = left->metadata, &other = right->metadata;
  if (one.creation_timestamp != other.creation_timestamp) return one.creation_timestamp < other.creation_timestamp;
  return one.name < other.name;
}

int64_t total_replicas(const Sets& sets) {
  int64_t total = 0;
  for (const kube::ReplicaSet* set : sets) total += set->replicas;
  return total;
}

int64_t unavailable_in(const kube::ReplicaSet& set) {
  return std::max<int64_t>(set.replicas - set.available_replicas, 0);
}

class Rollout {
 public:
  Rollout(const kube::Deployment& deployment, const ReplicaSets& all_sets, const Pods& pods, Time now)
      : deployment_(deployment),
        all_sets_(all_sets),
        pods_(pods),
        now_(now),
        limits_(rollout_limits(deployment)),
        sets_(owned_objects(all_sets, deployment.metadata)) {
    std::sort(sets_.begin(), sets_.end(), older);
    std::string wanted = canonical_text(deployment.pod_template);
    for (const kube::ReplicaSet* set : sets_) {
      bool current = new_set_ == nullptr && canonical_text(without_hash(set->pod_template)) == wanted;
      if (current) {
        new_set_ = set;
      } else {
        old_sets_.push_back(set);
      }
    }
  }

  Decision decide() {
    if (deployment_.metadata.deletion_timestamp) return {};
    settle_claims();
    if (!decision_.changes.empty()) return std::move(decision_);
    if (deployment_.paused) {
      scale_while_paused();
    } else {
      deployment_.strategy == "Recreate" ? recreate() : roll();
      number_revision();
    }
    RolloutState state{sets_, new_set_, created_, limits_.least_available};
    if (is_complete(deployment_, state)) forget_old_revisions();
    write_deployment_status(deployment_, state, now_, decision_);
    return std::move(decision_);
  }

 private:
  void settle_claims() {
    Owner owner{&kube::resources::deployments, &deployment_.metadata, owning_selector(deployment_.selector)};
    for (const auto& [key, set] : all_sets_) {
      if (auto change = settle_claim(owner, sets_resource, set.metadata)) {
        decision_.changes.push_back(std::move(*change));
      }
    }
  }

  // One step up, or else one step down: the next follows when this one has had its effect.
  void roll() {
    if (grow_new_set()) return;
    // New pods that do not serve yet count for nothing.
    int64_t removable = total_replicas(sets_) - limits_.least_available;
    if (new_set_ != nullptr) removable -= unavailable_in(*new_set_);
    if (removable > 0) shrink_old_sets(removable);
  }

  bool grow_new_set() {
    int64_t have = new_set_ == nullptr ? 0 : new_set_->replicas;
    int64_t room = std::max<int64_t>(limits_.most_pods - total_replicas(sets_), 0);
    int64_t wanted = std::min(deployment_.replicas, have + room);
    if (new_set_ != nullptr) return scale(*new_set_, wanted);
    create_set(wanted);
    return true;
  }

  // First the pods that serve nobody, then others, oldest sets first.
  void shrink_old_sets(int64_t removable) {
    std::map<const kube::ReplicaSet*, int64_t> left;
    for (const kube::ReplicaSet* set : old_sets_) {
      int64_t taken = std::min(unavailable_in(*set), removable);
      removable -= taken;
      left[set] = set->replicas - taken;
    }
    for (const kube::ReplicaSet* set : old_sets_) {
      int64_t taken = std::min(left[set], removable);
      removable -= taken;
      scale(*set, left[set] - taken);
    }
  }

  // None of the new before the last of the old has ended.
  void recreate() {
    if (total_replicas(old_sets_) > 0) {
      for (const kube::ReplicaSet* set : old_sets_) scale(*set, 0);
      return;
    }
    if (old_pods_exist()) return;
    if (new_set_ == nullptr) return create_set(deployment_.replicas);
    scale(*new_set_, deployment_.replicas);
  }

  bool old_pods_exist() const {
    std::set<std::string> old_uids;
    for (const kube::ReplicaSet* set : old_sets_) old_uids.insert(set->metadata.uid);
    return std::any_of(pods_.begin(), pods_.end(), [&](const auto& entry) {
      const kube::OwnerReference* owner = managing_owner(entry.second.metadata);
      return owner != nullptr && old_uids.count(owner->uid) > 0 && !entry.second.finished();
    });
  }

  // The number of replicas counts also while the template does not.
  void scale_while_paused() {
    Sets active;
    std::copy_if(sets_.begin(), sets_.end(), std::back_inserter(active),
                 [](const kube::ReplicaSet* set) { return set->replicas > 0; });
    if (active.size() > 1 || sets_.empty()) return;
    scale(active.empty() ? *(new_set_ != nullptr ? new_set_ : sets_.back()) : *active.front(), deployment_.replicas);
  }

  bool scale(const kube::ReplicaSet& set, int64_t replicas) {
    if (set.replicas == replicas) return false;
    std::string direction = replicas > set.replicas ? "up" : "down";
    std::string numbers = " from " + std::to_string(set.replicas) + " to " + std::to_string(replicas);
    Change change = patch(sets_resource, set.metadata, {{"spec", Object{{"replicas", replicas}}}},
                          prefix() + "scale " + direction + " replica set " + set.metadata.name + numbers);
    change.event = scaling_event("Scaled " + direction + " replica set " + set.metadata.name + numbers);
    decision_.changes.push_back(std::move(change));
    return true;
  }

  void create_set(int64_t replicas) {
    std::string hash;
    unsigned collision = 0;
    do {
      hash = template_hash(deployment_.pod_template, collision++);
      created_ = deployment_.metadata.name + "-" + hash;
    } while (all_sets_.count(deployment_.metadata.namespace_name + "/" + created_) > 0);
    Change change = create(sets_resource, new_set_object(hash, replicas),
                           prefix() + "create replica set " + created_ + " of " + std::to_string(replicas));
    change.event = scaling_event("Scaled up replica set " + created_ + " from 0 to " + std::to_string(replicas));
    change.needs = identity_of(kube::resources::deployments, deployment_.metadata);
    decision_.changes.push_back(std::move(change));
  }

  Object new_set_object(const std::string& hash, int64_t replicas) const {
    Object pod_template = deployment_.pod_template;
    Object& labels = member(member(pod_template, "metadata"), "labels");
    labels[hash_label] = hash;
    Object selector = deployment_.selector;
    member(selector, "matchLabels")[hash_label] = hash;
    Object metadata{
        {"name", created_},
        {"namespace", deployment_.metadata.namespace_name},
        {"labels", labels},
        {"annotations", new_annotations()},
        {"ownerReferences", boost::json::array{owner_reference(kube::resources::deployments, deployment_.metadata)}}};
    Object spec{{"replicas", replicas}, {"selector", std::move(selector)}, {"template", std::move(pod_template)}};
    if (deployment_.min_ready_seconds > 0) spec["minReadySeconds"] = deployment_.min_ready_seconds;
    return {{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
  }

  // `kubectl rollout history` shows the change-cause that a revision was made with.
  Object new_annotations() const {
    Object annotations;
    for (const auto& [key, value] : deployment_.metadata.annotations) {
      if (key == "kubernetes.io/change-cause") annotations[key] = value;
    }
    annotations[revision_annotation] = std::to_string(next_revision());
    return annotations;
  }

  int64_t next_revision() const {
    int64_t newest = 0;
    for (const kube::ReplicaSet* set : old_sets_) newest = std::max(newest, revision_of(set->metadata));
    return newest + 1;
  }

  // Going back to an earlier template makes it the newest revision.
  void number_revision() {
    if (new_set_ == nullptr) return;
    int64_t revision = std::max(revision_of(new_set_->metadata), next_revision());
    auto annotate = [&](const kube::Resource& kind, const kube::Metadata& metadata, const std::string& summary) {
      if (revision_of(metadata) == revision) return;
      Object annotations{{revision_annotation, std::to_string(revision)}};
      decision_.changes.push_back(
          patch(kind, metadata, {{"metadata", Object{{"annotations", std::move(annotations)}}}}, summary));
    };
    annotate(sets_resource, new_set_->metadata,
             prefix() + "replica set " + new_set_->metadata.name + " is revision " + std::to_string(revision));
    annotate(kube::resources::deployments, deployment_.metadata,
             prefix() + "is at revision " + std::to_string(revision));
  }

  void forget_old_revisions() {
    Sets empty;
    std::copy_if(old_sets_.begin(), old_sets_.end(), std::back_inserter(empty), [](const kube::ReplicaSet* set) {
      return set->replicas == 0 && set->status_replicas == 0 && !set->metadata.deletion_timestamp;
    });
    std::stable_sort(empty.begin(), empty.end(), [](const kube::ReplicaSet* left, const kube::ReplicaSet* right) {
      return revision_of(left->metadata) < revision_of(right->metadata);
    });
    auto excess = static_cast<int64_t>(empty.size()) - deployment_.revision_history_limit;
    for (int64_t at = 0; at < excess; ++at) {
      const kube::Metadata& set = empty[static_cast<size_t>(at)]->metadata;
      decision_.changes.push_back(remove(sets_resource, set, prefix() + "forget replica set " + set.name));
    }
  }

  Event scaling_event(const std::string& message) const {
    return event_about(kube::resources::deployments, deployment_.metadata, component, "Normal", "ScalingReplicaSet",
                       message);
  }
  std::string prefix() const { return "deployment " + deployment_.metadata.key() + ": "; }

  const kube::Deployment& deployment_;
  const ReplicaSets& all_sets_;
  const Pods& pods_;
  const Time now_;
  const RolloutLimits limits_;
  Sets sets_;  // all of its own, oldest first
  Sets old_sets_;
  const kube::ReplicaSet* new_set_ = nullptr;  // the one with the current template
  std::string created_;
  Decision decision_;
};

}  // namespace

RolloutLimits rollout_limits(const kube::Deployment& deployment) {
  if (deployment.strategy == "Recreate") return {deployment.replicas, deployment.replicas};
  int64_t surge = share_of(deployment.max_surge, deployment.replicas, true);
  int64_t unavailable = share_of(deployment.max_unavailable, deployment.replicas, false);
  // Otherwise nothing could ever move.
  if (surge == 0 && unavailable == 0) unavailable = 1;
  return {deployment.replicas + surge, std::max<int64_t>(deployment.replicas - unavailable, 0)};
}

Decision reconcile_deployment(const kube::Deployment& deployment, const ReplicaSets& sets, const Pods& pods, Time now) {
  return base::in_context("deployment " + deployment.metadata.key(),
                          [&] { return Rollout(deployment, sets, pods, now).decide(); });
}

}  // namespace controller
