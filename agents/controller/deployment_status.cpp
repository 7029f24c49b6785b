#include "agents/controller/deployment_status.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>
#include <optional>

#include "agents/controller/conditions.h"

namespace controller {
namespace {

constexpr const char* complete_reason = "NewReplicaSetAvailable";
constexpr const char* timed_out_reason = "ProgressDeadlineExceeded";

struct Counts {
  int64_t total = 0;
  int64_t updated = 0;
  int64_t ready = 0;
  int64_t available = 0;

  bool operator==(const Counts&) const = default;
};

Counts observed_counts(const RolloutState& state) {
  Counts counts;
  for (const kube::ReplicaSet* set : state.sets) {
    counts.total += set->status_replicas;
    counts.ready += set->ready_replicas;
    counts.available += set->available_replicas;
  }
  if (state.new_set != nullptr) counts.updated = state.new_set->status_replicas;
  return counts;
}

Counts reported_counts(const kube::Deployment& deployment) {
  return {deployment.status_replicas, deployment.updated_replicas, deployment.ready_replicas,
          deployment.available_replicas};
}

bool progressed(const Counts& before, const Counts& after) {
  return after.updated > before.updated || after.total - after.updated < before.total - before.updated ||
         after.ready > before.ready || after.available > before.available;
}

kube::Condition available_condition(const Counts& counts, const RolloutState& state) {
  if (counts.available >= state.least_available) {
    return {"Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."};
  }
  return {"Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."};
}

// The condition Progressing as it should be now; nullopt where it stays as it is.
class Progress {
 public:
  Progress(const kube::Deployment& deployment, const RolloutState& state, const Counts& counts, Time now)
      : deployment_(deployment),
        state_(state),
        counts_(counts),
        now_(now),
        current_(kube::find_condition(deployment.conditions, "Progressing")) {}

  std::optional<kube::Condition> condition(Decision& decision) const {
    if (deployment_.paused) return unless_said("Unknown", "DeploymentPaused", "Deployment is paused");
    if (!state_.created.empty()) return said("True", "NewReplicaSetCreated", "Created new replica set " + quoted());
    if (is_complete(deployment_, state_)) {
      return unless_said("True", complete_reason, "ReplicaSet " + quoted() + " has successfully progressed.");
    }
    // A pod that fails later is no new rollout.
    bool was_complete = current_ != nullptr && current_->reason == complete_reason && counts_.total == counts_.updated;
    if (was_complete) return std::nullopt;
    bool fresh = current_ == nullptr || current_->reason == "DeploymentPaused" || current_->reason == complete_reason;
    if (fresh || progressed(reported_counts(deployment_), counts_)) {
      return said("True", "ReplicaSetUpdated", "ReplicaSet " + quoted() + " is progressing.");
    }
    return timed_out(decision);
  }

 private:
  std::optional<kube::Condition> timed_out(Decision& decision) const {
    bool endless = deployment_.progress_deadline_seconds >= std::numeric_limits<int32_t>::max();
    if (endless || current_->reason == timed_out_reason) return std::nullopt;
    auto since = parse_time(current_->last_update_time);
    auto left = since.value_or(now_) + std::chrono::seconds(deployment_.progress_deadline_seconds) - now_;
    if (left <= left.zero()) {
      return said("False", timed_out_reason, "ReplicaSet " + quoted() + " has timed out progressing.");
    }
    decision.look_again_after(std::chrono::duration_cast<std::chrono::milliseconds>(left) +
                              std::chrono::milliseconds(1));
    return std::nullopt;
  }

  std::string quoted() const {
    std::string name = state_.new_set != nullptr ? state_.new_set->metadata.name : state_.created;
    return "\"" + (name.empty() ? deployment_.metadata.name : name) + "\"";
  }
  kube::Condition said(const char* status, const char* reason, const std::string& message) const {
    std::string now = format_time(now_);
    return {"Progressing", status, reason, message, {}, now};
  }
  std::optional<kube::Condition> unless_said(const char* status, const char* reason, const std::string& message) const {
    bool already =
        current_ != nullptr && current_->status == status && current_->reason == reason && current_->message == message;
    if (already) return std::nullopt;
    return said(status, reason, message);
  }

  const kube::Deployment& deployment_;
  const RolloutState& state_;
  const Counts& counts_;
  const Time now_;
  const kube::Condition* current_;
};

// Absent where it is 0, as the real API server shows it.
boost::json::value count_value(int64_t count) {
  return count == 0 ? boost::json::value() : boost::json::value(count);
}

Object status_object(const kube::Deployment& deployment, const Counts& counts) {
  return {{"observedGeneration", deployment.metadata.generation},
          {"replicas", count_value(counts.total)},
          {"updatedReplicas", count_value(counts.updated)},
          {"readyReplicas", count_value(counts.ready)},
          {"availableReplicas", count_value(counts.available)},
          {"unavailableReplicas", count_value(std::max<int64_t>(deployment.replicas - counts.available, 0))}};
}

}  // namespace

bool is_complete(const kube::Deployment& deployment, const RolloutState& state) {
  Counts counts = observed_counts(state);
  bool observed = state.new_set != nullptr &&
                  state.new_set->observed_generation >= state.new_set->metadata.generation &&
                  state.new_set->replicas == deployment.replicas;
  return observed && counts.updated == deployment.replicas && counts.total == deployment.replicas &&
         counts.available == deployment.replicas;
}

void write_deployment_status(const kube::Deployment& deployment, const RolloutState& state, Time now,
                             Decision& decision) {
  Counts counts = observed_counts(state);
  boost::json::array conditions;
  kube::Condition available = available_condition(counts, state);
  const kube::Condition* said = kube::find_condition(deployment.conditions, "Available");
  if (said == nullptr || said->status != available.status) {
    available.last_update_time = format_time(now);
    conditions.push_back(condition_object(available, deployment.conditions, now));
  }
  if (auto progressing = Progress(deployment, state, counts, now).condition(decision)) {
    conditions.push_back(condition_object(*progressing, deployment.conditions, now));
  }
  bool same = counts == reported_counts(deployment) && conditions.empty() &&
              deployment.observed_generation == deployment.metadata.generation;
  if (same) return;
  Object status = status_object(deployment, counts);
  if (!conditions.empty()) status["conditions"] = std::move(conditions);
  decision.changes.push_back(patch_status(kube::resources::deployments, deployment.metadata, std::move(status),
                                          "deployment " + deployment.metadata.key() + ": " +
                                              std::to_string(counts.updated) + " of " +
                                              std::to_string(deployment.replicas) + " pods are up to date, " +
                                              std::to_string(counts.available) + " available"));
}

}  // namespace controller
