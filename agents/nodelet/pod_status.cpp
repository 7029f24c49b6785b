#include "agents/nodelet/pod_status.h"

#include <algorithm>
#include <boost/json/array.hpp>

namespace nodelet {
namespace {

namespace json = boost::json;
using Phase = ContainerState::Phase;

constexpr const char* id_prefix = "labctl://";

json::object state_object(const ContainerState& state) {
  json::object body;
  auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) body[key] = value;
  };
  switch (state.phase) {
    case Phase::waiting:
      put("reason", state.reason);
      put("message", state.message);
      return {{"waiting", std::move(body)}};
    case Phase::running:
      put("startedAt", state.started_at);
      return {{"running", std::move(body)}};
    case Phase::terminated:
      break;
  }
  body["exitCode"] = state.exit_code;
  put("reason", state.reason);
  put("message", state.message);
  put("startedAt", state.started_at);
  put("finishedAt", state.finished_at);
  if (!state.id.empty()) body["containerID"] = id_prefix + state.id;
  return {{"terminated", std::move(body)}};
}

json::object container_object(const ContainerStatus& container) {
  std::string id = container.state.id;
  if (id.empty() && container.last) id = container.last->id;
  return {{"name", container.name},
          {"image", container.image},
          {"imageID", ""},
          {"containerID", id.empty() ? "" : id_prefix + id},
          {"restartCount", container.restarts},
          {"started", container.started},
          {"ready", container.ready},
          {"state", state_object(container.state)},
          {"lastState", container.last ? state_object(*container.last) : json::object()}};
}

json::array container_objects(const std::vector<ContainerStatus>& containers) {
  json::array objects;
  for (const ContainerStatus& container : containers) objects.push_back(container_object(container));
  return objects;
}

// "[web sidecar]", as kubelet lists names.
template <class Predicate>
std::string names_of(const std::vector<ContainerStatus>& containers, Predicate&& predicate) {
  std::string names;
  for (const ContainerStatus& container : containers) {
    if (predicate(container)) names += (names.empty() ? "" : " ") + container.name;
  }
  return names.empty() ? names : "[" + names + "]";
}

struct Counts {
  size_t waiting = 0, running = 0, stopped = 0, succeeded = 0;
};

Counts count(const std::vector<ContainerStatus>& containers) {
  Counts counts;
  for (const ContainerStatus& container : containers) {
    if (container.state.running()) ++counts.running;
    if (container.state.waiting()) ++(container.last ? counts.stopped : counts.waiting);
    if (container.state.terminated()) ++counts.stopped;
    if (container.state.succeeded()) ++counts.succeeded;
  }
  return counts;
}

bool init_failed(const ContainerStatus& container) {
  if (container.state.terminated()) return container.state.exit_code != 0;
  return container.state.waiting() && container.last && container.last->exit_code != 0;
}

// A condition with the time of its last change.
class Conditions {
 public:
  explicit Conditions(const std::vector<kube::Condition>& before) : before_(before) {}

  void add(const std::string& type, bool value, const std::string& reason = {}, const std::string& message = {}) {
    std::string status = value ? "True" : "False";
    const kube::Condition* old = kube::find_condition(before_, type);
    bool same = old != nullptr && old->status == status && !old->last_transition_time.empty();
    json::object condition{{"type", type},
                           {"status", status},
                           {"lastTransitionTime", same ? old->last_transition_time : kube::timestamp_now()}};
    // In a merge, null takes away what an earlier status said.
    condition["reason"] = reason.empty() ? json::value() : json::value(reason);
    condition["message"] = message.empty() ? json::value() : json::value(message);
    array_.push_back(std::move(condition));
  }
  json::array take() { return std::move(array_); }

 private:
  const std::vector<kube::Condition>& before_;
  json::array array_;
};

std::string missing_gate(const kube::Pod& pod, const std::vector<kube::Condition>& before) {
  for (const std::string& gate : pod.readiness_gates) {
    const kube::Condition* condition = kube::find_condition(before, gate);
    if (condition == nullptr) return "corresponding condition of pod readiness gate \"" + gate + "\" does not exist.";
    if (condition->status != "True") {
      return "the status of pod readiness gate \"" + gate + "\" is not \"True\", but " + condition->status;
    }
  }
  return {};
}

json::array conditions_of(const kube::Pod& pod, const PodState& state, const std::string& phase,
                          const std::vector<kube::Condition>& before) {
  Conditions conditions(before);
  std::string uninitialized =
      names_of(state.init_containers, [](const ContainerStatus& container) { return !container.state.succeeded(); });
  bool completed = phase == "Succeeded";
  if (completed) {
    conditions.add("Initialized", true, "PodCompleted");
  } else if (uninitialized.empty()) {
    conditions.add("Initialized", true);
  } else {
    conditions.add("Initialized", false, "ContainersNotInitialized",
                   "containers with incomplete status: " + uninitialized);
  }
  std::string unready = names_of(state.containers, [](const ContainerStatus& container) { return !container.ready; });
  std::string reason = completed ? "PodCompleted" : phase == "Failed" ? "PodFailed" : "ContainersNotReady";
  std::string message = reason == "ContainersNotReady" ? "containers with unready status: " + unready : "";
  std::string gate = missing_gate(pod, before);
  bool containers_ready = unready.empty() && !completed && phase != "Failed";
  if (!containers_ready) {
    conditions.add("Ready", false, reason, message);
    conditions.add("ContainersReady", false, reason, message);
  } else {
    conditions.add("Ready", gate.empty(), gate.empty() ? "" : "ReadinessGatesNotReady", gate);
    conditions.add("ContainersReady", true);
  }
  conditions.add("PodScheduled", true);
  return conditions.take();
}

std::string without_prefix(const std::string& id) {
  return id.starts_with(id_prefix) ? id.substr(std::string(id_prefix).size()) : "";
}

ContainerState parse_state(const kube::Object& object) {
  ContainerState state;
  for (const auto& [name, phase] : {std::pair{"running", Phase::running}, {"terminated", Phase::terminated}}) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_object()) continue;
    const kube::Object& body = value->get_object();
    state.phase = phase;
    state.reason = kube::text_at(body, "reason");
    state.message = kube::text_at(body, "message");
    state.exit_code = static_cast<int>(kube::number_at(body, "exitCode"));
    state.started_at = kube::text_at(body, "startedAt");
    state.finished_at = kube::text_at(body, "finishedAt");
    state.id = without_prefix(kube::text_at(body, "containerID"));
    return state;
  }
  state.reason = kube::text_at(object, "waiting.reason");
  state.message = kube::text_at(object, "waiting.message");
  return state;
}

}  // namespace

bool PodState::initialized() const {
  return std::all_of(init_containers.begin(), init_containers.end(),
                     [](const ContainerStatus& container) { return container.state.succeeded(); });
}

// getPhase in kubelet's kubelet_pods.go.
std::string phase_of(const kube::Pod& pod, const PodState& state) {
  bool failed_for_good = pod.restart_policy == "Never" &&
                         std::any_of(state.init_containers.begin(), state.init_containers.end(), init_failed);
  if (failed_for_good) return "Failed";
  Counts counts = count(state.containers);
  if (!state.initialized() || counts.waiting > 0) return "Pending";
  if (counts.running > 0) return "Running";
  if (counts.stopped == 0) return "Pending";
  // A pod that is ended does not come back, whatever its policy.
  if (pod.terminating()) return counts.succeeded == counts.stopped ? "Succeeded" : "Failed";
  if (pod.restart_policy == "Always") return "Running";
  if (counts.succeeded == counts.stopped) return "Succeeded";
  return pod.restart_policy == "Never" ? "Failed" : "Running";
}

json::object status_of(const kube::Pod& pod, const PodState& state, const std::vector<kube::Condition>& before) {
  std::string phase = phase_of(pod, state);
  json::object status{{"phase", phase},
                      {"conditions", conditions_of(pod, state, phase, before)},
                      {"hostIP", state.host_ip},
                      {"hostIPs", json::array{json::object{{"ip", state.host_ip}}}},
                      {"startTime", state.start_time},
                      {"containerStatuses", container_objects(state.containers)}};
  if (!state.init_containers.empty()) status["initContainerStatuses"] = container_objects(state.init_containers);
  if (!state.pod_ip.empty()) {
    status["podIP"] = state.pod_ip;
    status["podIPs"] = json::array{json::object{{"ip", state.pod_ip}}};
  }
  return status;
}

json::object status_patch(const std::string& uid, const json::object& status) {
  json::object whole = status;
  // These lists are merged by their addresses: an earlier one would stay.
  for (const char* list : {"podIPs", "hostIPs"}) {
    json::value* addresses = whole.if_contains(list);
    if (addresses == nullptr) continue;
    json::array replacing{json::object{{"$patch", "replace"}}};
    replacing.insert(replacing.end(), addresses->as_array().begin(), addresses->as_array().end());
    *addresses = std::move(replacing);
  }
  return {{"metadata", json::object{{"uid", uid}}}, {"status", std::move(whole)}};
}

bool contradicts(const kube::Pod& current, const json::object& status) {
  if (kube::text_at(status, "phase") != current.phase) return true;
  if (kube::text_at(status, "podIP") != current.pod_ip) return true;
  for (const json::value& element : kube::array_at(status, "conditions")) {
    const kube::Object& wanted = element.get_object();
    const kube::Condition* found = kube::find_condition(current.conditions, kube::text_at(wanted, "type"));
    if (found == nullptr || found->status != kube::text_at(wanted, "status")) return true;
  }
  return false;
}

std::optional<ContainerStatus> parse_container_status(const kube::Object& pod, const std::string& name) {
  for (const char* list : {"status.containerStatuses", "status.initContainerStatuses"}) {
    for (const json::value& element : kube::array_at(pod, list)) {
      if (!element.is_object() || kube::text_at(element.get_object(), "name") != name) continue;
      const kube::Object& object = element.get_object();
      ContainerStatus status{name,
                             kube::text_at(object, "image"),
                             parse_state(kube::object_at(object, "state")),
                             std::nullopt,
                             kube::number_at(object, "restartCount"),
                             kube::flag_at(object, "started"),
                             kube::flag_at(object, "ready")};
      if (status.state.running()) status.state.id = without_prefix(kube::text_at(object, "containerID"));
      const kube::Object& last = kube::object_at(object, "lastState");
      if (last.contains("terminated")) status.last = parse_state(last);
      return status;
    }
  }
  return std::nullopt;
}

}  // namespace nodelet
