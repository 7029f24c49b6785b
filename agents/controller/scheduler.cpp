#include "agents/controller/scheduler.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <tuple>
#include <vector>

#include "agents/controller/conditions.h"
#include "agents/controller/ownership.h"
#include "lib/kube/selector.h"

namespace controller {
namespace {

constexpr const char* component = "default-scheduler";

std::string owner_of(const kube::Pod& pod) {
  const kube::OwnerReference* owner = managing_owner(pod.metadata);
  return owner == nullptr ? "" : owner->uid;
}

std::set<std::pair<std::string, uint16_t>> host_ports(const kube::Pod& pod) {
  std::set<std::pair<std::string, uint16_t>> ports;
  for (const kube::Container& container : pod.containers) {
    for (const kube::ContainerPort& port : container.ports) {
      // In the host's network, a container's ports are the host's.
      uint16_t number = pod.host_network ? port.port : port.host_port;
      if (number != 0) ports.emplace(port.protocol, number);
    }
  }
  return ports;
}

const kube::Taint* untolerated_taint(const kube::Pod& pod, const kube::Node& node) {
  auto found = std::find_if(node.taints.begin(), node.taints.end(), [&](const kube::Taint& taint) {
    bool tolerated = std::any_of(pod.tolerations.begin(), pod.tolerations.end(),
                                 [&](const kube::Toleration& toleration) { return toleration.tolerates(taint); });
    return taint.effect != "PreferNoSchedule" && !tolerated;
  });
  return found == node.taints.end() ? nullptr : &*found;
}

// Until when NODE may be starting; nullopt where it is ready, has had its time, or has fallen silent.
std::optional<Time> starts_until(const kube::Node& node, Time now) {
  const kube::Condition* ready = kube::find_condition(node.conditions, "Ready");
  bool silent = ready != nullptr && ready->status == "Unknown";
  auto created = parse_time(node.metadata.creation_timestamp);
  if (node.ready() || silent || !created || now >= *created + starting_time) return std::nullopt;
  return *created + starting_time;
}

// Empty where the pod may run there.
std::string why_not(const kube::Pod& pod, const kube::Node& node, const Occupancy& occupancy, Time now) {
  if (node.unschedulable) return "node(s) were unschedulable";
  if (!node.ready() && !starts_until(node, now)) return "node(s) were not ready";
  if (const kube::Taint* taint = untolerated_taint(pod, node)) {
    return "node(s) had untolerated taint {" + taint->key + ": " + taint->value + "}";
  }
  if (!kube::Selector::from_labels(pod.node_selector).matches(node.metadata.labels)) {
    return "node(s) didn't match Pod's node affinity/selector";
  }
  if (occupancy.has_port_conflict(node.metadata.name, pod)) {
    return "node(s) didn't have free ports for the requested pod ports";
  }
  return {};
}

// "0/3 nodes are available: 1 node(s) …, 2 node(s) …."
std::string explanation(const std::map<std::string, size_t>& reasons, size_t nodes) {
  if (nodes == 0) return "no nodes available to schedule pods";
  std::string text = "0/" + std::to_string(nodes) + " nodes are available:";
  const char* separator = " ";
  for (const auto& [reason, count] : reasons) {
    text += separator + std::to_string(count) + " " + reason;
    separator = ", ";
  }
  return text + ".";
}

bool waits_for_a_node(const kube::Pod& pod) {
  return pod.node_name.empty() && is_active(pod) && pod.scheduler_name == component;
}

std::vector<const kube::Pod*> waiting_pods(const Pods& pods) {
  std::vector<const kube::Pod*> waiting;
  for (const auto& [key, pod] : pods) {
    if (waits_for_a_node(pod)) waiting.push_back(&pod);
  }
  std::stable_sort(waiting.begin(), waiting.end(), [](const kube::Pod* left, const kube::Pod* right) {
    return left->metadata.creation_timestamp < right->metadata.creation_timestamp;
  });
  return waiting;
}

Change bind_to(const kube::Pod& pod, const std::string& node) {
  std::string key = pod.metadata.key();
  Change change = bind(pod, node, "pod " + key + ": runs on node " + node);
  change.event = event_about(kube::resources::pods, pod.metadata, component, "Normal", "Scheduled",
                             "Successfully assigned " + key + " to " + node);
  return change;
}

bool has_been_explained(const kube::Pod& pod, const std::string& why) {
  const kube::Condition* said = kube::find_condition(pod.conditions, "PodScheduled");
  return said != nullptr && said->status == "False" && said->message == why;
}

// Once it is bound, its kubelet takes that back.
Change explain(const kube::Pod& pod, const std::string& why, Time now) {
  Object condition = condition_object({"PodScheduled", "False", "Unschedulable", why}, pod.conditions, now);
  Change change =
      patch_status(kube::resources::pods, pod.metadata, {{"conditions", boost::json::array{std::move(condition)}}},
                   "pod " + pod.metadata.key() + ": " + why);
  change.event = event_about(kube::resources::pods, pod.metadata, component, "Warning", "FailedScheduling", why);
  return change;
}

}  // namespace

Occupancy::Occupancy(const Pods& pods) {
  for (const auto& [key, pod] : pods) {
    if (!pod.node_name.empty() && !pod.finished()) add(pod, pod.node_name);
  }
}

void Occupancy::add(const kube::Pod& pod, const std::string& node) {
  Load& load = nodes_[node];
  for (const auto& port : host_ports(pod)) load.host_ports.insert(port);
  if (pod.terminating()) return;  // it holds its ports until it has ended, but makes room
  ++load.pods;
  ++load.by_owner[owner_of(pod)];
}

const Occupancy::Load* Occupancy::load(const std::string& node) const {
  auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : &found->second;
}

size_t Occupancy::pods_on(const std::string& node) const {
  const Load* its_load = load(node);
  return its_load == nullptr ? 0 : its_load->pods;
}

size_t Occupancy::siblings_on(const std::string& node, const kube::Pod& pod) const {
  const Load* its_load = load(node);
  std::string owner = owner_of(pod);
  if (its_load == nullptr || owner.empty()) return 0;
  auto found = its_load->by_owner.find(owner);
  return found == its_load->by_owner.end() ? 0 : found->second;
}

bool Occupancy::has_port_conflict(const std::string& node, const kube::Pod& pod) const {
  const Load* its_load = load(node);
  if (its_load == nullptr) return false;
  std::set<std::pair<std::string, uint16_t>> wanted = host_ports(pod);
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const auto& port) { return its_load->host_ports.count(port) > 0; });
}

Choice choose_node(const kube::Pod& pod, const Nodes& nodes, const Occupancy& occupancy, Time now) {
  std::map<std::string, size_t> reasons;
  std::vector<std::tuple<size_t, size_t, bool, std::string>> candidates;
  for (const auto& [name, node] : nodes) {
    std::string reason = why_not(pod, node, occupancy, now);
    if (reason.empty()) {
      candidates.emplace_back(occupancy.siblings_on(name, pod), occupancy.pods_on(name), !node.ready(), name);
    } else {
      ++reasons[reason];
    }
  }
  if (candidates.empty()) return {{}, explanation(reasons, nodes.size()), {}};
  std::string best = std::get<3>(*std::min_element(candidates.begin(), candidates.end()));
  return {best, {}, starts_until(nodes.at(best), now)};
}

Decision schedule(const Pods& pods, const Nodes& nodes, Time now) {
  Decision decision;
  decision.independent = true;
  Occupancy occupancy(pods);
  for (const kube::Pod* pod : waiting_pods(pods)) {
    Choice choice = choose_node(*pod, nodes, occupancy, now);
    if (choice.node.empty()) {
      if (!has_been_explained(*pod, choice.why_not)) decision.changes.push_back(explain(*pod, choice.why_not, now));
      continue;
    }
    occupancy.add(*pod, choice.node);
    if (choice.starts_until) {
      decision.look_again_after(std::chrono::duration_cast<std::chrono::milliseconds>(*choice.starts_until - now));
    } else {
      decision.changes.push_back(bind_to(*pod, choice.node));
    }
  }
  return decision;
}

}  // namespace controller
