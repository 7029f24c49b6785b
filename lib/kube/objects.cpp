#include "lib/kube/objects.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <chrono>

namespace kube {
namespace {

namespace json = boost::json;

std::string string_of(const json::value& value) {
  const json::string* text = value.if_string();
  return text == nullptr ? std::string() : std::string(*text);
}

int64_t number_of(const json::value& value, int64_t fallback) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64()) return static_cast<int64_t>(value.get_uint64());
  if (value.is_double()) return static_cast<int64_t>(value.get_double());
  return fallback;
}

uint16_t port_at(const Object& object, std::string_view path) {
  return static_cast<uint16_t>(number_at(object, path));
}

// The objects in an array; other elements are skipped.
template <class Function>
void for_each_object(const json::array& array, Function&& function) {
  for (const json::value& element : array) {
    if (const Object* object = element.if_object()) function(*object);
  }
}

std::vector<Condition> conditions_at(const Object& object, std::string_view path) {
  std::vector<Condition> result;
  for_each_object(array_at(object, path), [&](const Object& condition) {
    result.push_back({text_at(condition, "type"), text_at(condition, "status"), text_at(condition, "reason"),
                      text_at(condition, "message"), text_at(condition, "lastTransitionTime"),
                      text_at(condition, "lastUpdateTime"), text_at(condition, "lastHeartbeatTime")});
  });
  return result;
}

bool condition_is_true(const std::vector<Condition>& conditions, std::string_view type) {
  const Condition* condition = find_condition(conditions, type);
  return condition != nullptr && condition->status == "True";
}

IntOrString int_or_string_at(const Object& object, std::string_view path) {
  const json::value* value = find(object, path);
  return value == nullptr ? IntOrString() : IntOrString::parse(*value);
}

std::optional<Probe> probe_at(const Object& container, std::string_view path) {
  const json::value* value = find(container, path);
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const Object& object = value->get_object();
  Probe probe;
  std::string place;
  if (object.contains("httpGet")) {
    probe.kind = Probe::Kind::http;
    probe.path = text_at(object, "httpGet.path", "/");
    probe.scheme = text_at(object, "httpGet.scheme", "HTTP");
    for_each_object(array_at(object, "httpGet.httpHeaders"),
                    [&](const Object& header) { probe.headers[text_at(header, "name")] = text_at(header, "value"); });
    place = "httpGet";
  } else if (object.contains("tcpSocket")) {
    probe.kind = Probe::Kind::tcp;
    place = "tcpSocket";
  } else {
    probe.command = strings_at(object, "exec.command");
  }
  if (!place.empty()) {
    probe.host = text_at(object, place + ".host");
    probe.port = int_or_string_at(object, place + ".port");
  }
  probe.initial_delay_seconds = number_at(object, "initialDelaySeconds");
  probe.period_seconds = number_at(object, "periodSeconds", 10);
  probe.timeout_seconds = number_at(object, "timeoutSeconds", 1);
  probe.success_threshold = number_at(object, "successThreshold", 1);
  probe.failure_threshold = number_at(object, "failureThreshold", 3);
  return probe;
}

EnvironmentVariable parse_variable(const Object& object) {
  EnvironmentVariable variable{text_at(object, "name"), text_at(object, "value"), {}, {}};
  variable.field_path = text_at(object, "valueFrom.fieldRef.fieldPath");
  for (const auto& [source, reference] : object_at(object, "valueFrom")) {
    if (source != "fieldRef") variable.other_source = source;
  }
  return variable;
}

Container parse_container(const Object& object) {
  Container container;
  container.name = text_at(object, "name");
  container.image = text_at(object, "image");
  container.command = strings_at(object, "command");
  container.arguments = strings_at(object, "args");
  container.working_directory = text_at(object, "workingDir");
  for_each_object(array_at(object, "env"),
                  [&](const Object& variable) { container.environment.push_back(parse_variable(variable)); });
  for_each_object(array_at(object, "ports"), [&](const Object& port) {
    container.ports.push_back({text_at(port, "name"), text_at(port, "protocol", "TCP"), port_at(port, "containerPort"),
                               port_at(port, "hostPort"), text_at(port, "hostIP")});
  });
  container.readiness_probe = probe_at(object, "readinessProbe");
  container.liveness_probe = probe_at(object, "livenessProbe");
  container.startup_probe = probe_at(object, "startupProbe");
  container.post_start_command = strings_at(object, "lifecycle.postStart.exec.command");
  container.pre_stop_command = strings_at(object, "lifecycle.preStop.exec.command");
  container.pre_stop_sleep_seconds = number_at(object, "lifecycle.preStop.sleep.seconds");
  container.has_environment_sources = !array_at(object, "envFrom").empty();
  container.has_volume_mounts = !array_at(object, "volumeMounts").empty();
  return container;
}

}  // namespace

const json::value* find(const Object& object, std::string_view dotted_path) {
  const Object* at = &object;
  for (;;) {
    size_t dot = dotted_path.find('.');
    const json::value* value = at->if_contains(dotted_path.substr(0, dot));
    if (value == nullptr || dot == std::string_view::npos) return value;
    at = value->if_object();
    if (at == nullptr) return nullptr;
    dotted_path.remove_prefix(dot + 1);
  }
}

std::string text_at(const Object& object, std::string_view dotted_path, std::string fallback) {
  const json::value* value = find(object, dotted_path);
  return value == nullptr || !value->is_string() ? fallback : std::string(value->get_string());
}

int64_t number_at(const Object& object, std::string_view dotted_path, int64_t fallback) {
  const json::value* value = find(object, dotted_path);
  return value == nullptr ? fallback : number_of(*value, fallback);
}

bool flag_at(const Object& object, std::string_view dotted_path, bool fallback) {
  const json::value* value = find(object, dotted_path);
  return value == nullptr || !value->is_bool() ? fallback : value->get_bool();
}

const Object& object_at(const Object& object, std::string_view dotted_path) {
  static const Object empty;
  const json::value* value = find(object, dotted_path);
  return value == nullptr || !value->is_object() ? empty : value->get_object();
}

const json::array& array_at(const Object& object, std::string_view dotted_path) {
  static const json::array empty;
  const json::value* value = find(object, dotted_path);
  return value == nullptr || !value->is_array() ? empty : value->get_array();
}

StringMap string_map_at(const Object& object, std::string_view dotted_path) {
  StringMap result;
  for (const auto& [key, value] : object_at(object, dotted_path)) result[std::string(key)] = string_of(value);
  return result;
}

std::vector<std::string> strings_at(const Object& object, std::string_view dotted_path) {
  std::vector<std::string> result;
  for (const json::value& element : array_at(object, dotted_path)) result.push_back(string_of(element));
  return result;
}

std::string key_of(const Object& object) {
  std::string name = text_at(object, "metadata.name");
  std::string namespace_name = text_at(object, "metadata.namespace");
  return namespace_name.empty() ? name : namespace_name + "/" + name;
}

std::string timestamp_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string micro_timestamp_now() {
  auto now = std::chrono::system_clock::now();
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1000000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), micros);
}

Metadata Metadata::parse(const Object& object) {
  const Object& source = object_at(object, "metadata");
  Metadata metadata;
  metadata.name = text_at(source, "name");
  metadata.namespace_name = text_at(source, "namespace");
  metadata.uid = text_at(source, "uid");
  metadata.resource_version = text_at(source, "resourceVersion");
  metadata.generation = number_at(source, "generation");
  metadata.labels = string_map_at(source, "labels");
  metadata.annotations = string_map_at(source, "annotations");
  metadata.creation_timestamp = text_at(source, "creationTimestamp");
  if (source.contains("deletionTimestamp")) metadata.deletion_timestamp = text_at(source, "deletionTimestamp");
  metadata.deletion_grace_seconds = number_at(source, "deletionGracePeriodSeconds");
  for_each_object(array_at(source, "ownerReferences"), [&](const Object& owner) {
    metadata.owners.push_back(
        {text_at(owner, "kind"), text_at(owner, "name"), text_at(owner, "uid"), flag_at(owner, "controller")});
  });
  return metadata;
}

IntOrString IntOrString::parse(const json::value& value) {
  if (value.is_string()) return {0, string_of(value)};
  return {number_of(value, 0), {}};
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  auto found = std::find_if(conditions.begin(), conditions.end(),
                            [type](const Condition& condition) { return condition.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

bool Toleration::tolerates(const Taint& taint) const {
  if (!effect.empty() && effect != taint.effect) return false;
  if (!key.empty() && key != taint.key) return false;
  if (operation == "Exists") return true;
  return !key.empty() && value == taint.value;
}

Service Service::parse(const Object& object) {
  Service service;
  service.metadata = Metadata::parse(object);
  const Object& spec = object_at(object, "spec");
  service.type = text_at(spec, "type", "ClusterIP");
  service.cluster_ip = text_at(spec, "clusterIP");
  service.cluster_ips = strings_at(spec, "clusterIPs");
  service.ip_families = strings_at(spec, "ipFamilies");
  service.external_ips = strings_at(spec, "externalIPs");
  for_each_object(array_at(object, "status.loadBalancer.ingress"), [&](const Object& ingress) {
    std::string address = text_at(ingress, "ip");
    // A balancer that is a proxy sends to the nodes' own addresses; to answer to its address would pass it by.
    bool for_nodes = text_at(ingress, "ipMode", "VIP") == "VIP";
    if (!address.empty() && for_nodes) service.load_balancer_ips.push_back(address);
  });
  service.load_balancer_source_ranges = strings_at(spec, "loadBalancerSourceRanges");
  for_each_object(array_at(spec, "ports"), [&](const Object& source) {
    ServicePort port;
    port.name = text_at(source, "name");
    port.protocol = text_at(source, "protocol", "TCP");
    port.port = port_at(source, "port");
    port.target_port = int_or_string_at(source, "targetPort");
    if (port.target_port.number == 0 && port.target_port.name.empty()) port.target_port.number = port.port;
    port.node_port = port_at(source, "nodePort");
    service.ports.push_back(std::move(port));
  });
  service.selector = string_map_at(spec, "selector");
  service.session_affinity = text_at(spec, "sessionAffinity", "None");
  service.affinity_timeout_seconds = number_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds", 10800);
  service.external_traffic_policy = text_at(spec, "externalTrafficPolicy", "Cluster");
  service.internal_traffic_policy = text_at(spec, "internalTrafficPolicy", "Cluster");
  service.health_check_node_port = port_at(spec, "healthCheckNodePort");
  service.publish_not_ready_addresses = flag_at(spec, "publishNotReadyAddresses");
  service.external_name = text_at(spec, "externalName");
  return service;
}

EndpointSlice EndpointSlice::parse(const Object& object) {
  EndpointSlice slice;
  slice.metadata = Metadata::parse(object);
  auto name = slice.metadata.labels.find("kubernetes.io/service-name");
  if (name != slice.metadata.labels.end()) slice.service_name = name->second;
  slice.address_type = text_at(object, "addressType", "IPv4");
  for_each_object(array_at(object, "endpoints"), [&](const Object& source) {
    Endpoint endpoint;
    endpoint.addresses = strings_at(source, "addresses");
    endpoint.ready = flag_at(source, "conditions.ready", true);
    endpoint.serving = flag_at(source, "conditions.serving", endpoint.ready);
    endpoint.terminating = flag_at(source, "conditions.terminating");
    endpoint.node_name = text_at(source, "nodeName");
    endpoint.hostname = text_at(source, "hostname");
    endpoint.zone = text_at(source, "zone");
    endpoint.target_kind = text_at(source, "targetRef.kind");
    endpoint.target_name = text_at(source, "targetRef.name");
    endpoint.target_namespace = text_at(source, "targetRef.namespace");
    endpoint.target_uid = text_at(source, "targetRef.uid");
    for_each_object(array_at(source, "hints.forZones"),
                    [&](const Object& zone) { endpoint.hinted_zones.push_back(text_at(zone, "name")); });
    slice.endpoints.push_back(std::move(endpoint));
  });
  for_each_object(array_at(object, "ports"), [&](const Object& port) {
    slice.ports.push_back({text_at(port, "name"), text_at(port, "protocol", "TCP"), port_at(port, "port")});
  });
  return slice;
}

Node Node::parse(const Object& object) {
  Node node;
  node.metadata = Metadata::parse(object);
  node.pod_cidr = text_at(object, "spec.podCIDR");
  node.pod_cidrs = strings_at(object, "spec.podCIDRs");
  node.unschedulable = flag_at(object, "spec.unschedulable");
  for_each_object(array_at(object, "spec.taints"), [&](const Object& taint) {
    node.taints.push_back({text_at(taint, "key"), text_at(taint, "value"), text_at(taint, "effect")});
  });
  for_each_object(array_at(object, "status.addresses"), [&](const Object& address) {
    node.addresses.push_back({text_at(address, "type"), text_at(address, "address")});
  });
  node.conditions = conditions_at(object, "status.conditions");
  return node;
}

std::string Node::internal_ip() const {
  auto found = std::find_if(addresses.begin(), addresses.end(),
                            [](const NodeAddress& address) { return address.type == "InternalIP"; });
  return found == addresses.end() ? std::string() : found->address;
}

bool Node::ready() const {
  return condition_is_true(conditions, "Ready");
}

Pod Pod::parse(const Object& object) {
  Pod pod;
  pod.metadata = Metadata::parse(object);
  const Object& spec = object_at(object, "spec");
  pod.node_name = text_at(spec, "nodeName");
  pod.host_network = flag_at(spec, "hostNetwork");
  pod.restart_policy = text_at(spec, "restartPolicy", "Always");
  pod.termination_grace_seconds = number_at(spec, "terminationGracePeriodSeconds", 30);
  pod.hostname = text_at(spec, "hostname");
  pod.subdomain = text_at(spec, "subdomain");
  pod.dns_policy = text_at(spec, "dnsPolicy", "ClusterFirst");
  pod.dns_nameservers = strings_at(spec, "dnsConfig.nameservers");
  pod.dns_searches = strings_at(spec, "dnsConfig.searches");
  for_each_object(array_at(spec, "dnsConfig.options"), [&](const Object& option) {
    std::string value = text_at(option, "value");
    pod.dns_options.push_back(text_at(option, "name") + (value.empty() ? "" : ":" + value));
  });
  for_each_object(array_at(spec, "hostAliases"), [&](const Object& alias) {
    pod.host_aliases[text_at(alias, "ip")] = strings_at(alias, "hostnames");
  });
  for_each_object(array_at(spec, "readinessGates"),
                  [&](const Object& gate) { pod.readiness_gates.push_back(text_at(gate, "conditionType")); });
  for_each_object(array_at(spec, "initContainers"),
                  [&](const Object& container) { pod.init_containers.push_back(parse_container(container)); });
  for_each_object(array_at(spec, "containers"),
                  [&](const Object& container) { pod.containers.push_back(parse_container(container)); });
  pod.node_selector = string_map_at(spec, "nodeSelector");
  for_each_object(array_at(spec, "tolerations"), [&](const Object& toleration) {
    pod.tolerations.push_back({text_at(toleration, "key"), text_at(toleration, "operator", "Equal"),
                               text_at(toleration, "value"), text_at(toleration, "effect")});
  });
  pod.scheduler_name = text_at(spec, "schedulerName", "default-scheduler");
  pod.phase = text_at(object, "status.phase", "Pending");
  pod.pod_ip = text_at(object, "status.podIP");
  for_each_object(array_at(object, "status.podIPs"),
                  [&](const Object& address) { pod.pod_ips.push_back(text_at(address, "ip")); });
  if (pod.pod_ips.empty() && !pod.pod_ip.empty()) pod.pod_ips.push_back(pod.pod_ip);
  pod.host_ip = text_at(object, "status.hostIP");
  pod.conditions = conditions_at(object, "status.conditions");
  return pod;
}

bool Pod::ready() const {
  return condition_is_true(conditions, "Ready");
}

Deployment Deployment::parse(const Object& object) {
  Deployment deployment;
  deployment.metadata = Metadata::parse(object);
  deployment.replicas = number_at(object, "spec.replicas", 1);
  deployment.selector = object_at(object, "spec.selector");
  deployment.pod_template = object_at(object, "spec.template");
  deployment.strategy = text_at(object, "spec.strategy.type", "RollingUpdate");
  deployment.max_surge = {0, "25%"};
  deployment.max_unavailable = {0, "25%"};
  if (const auto* surge = find(object, "spec.strategy.rollingUpdate.maxSurge")) {
    deployment.max_surge = IntOrString::parse(*surge);
  }
  if (const auto* unavailable = find(object, "spec.strategy.rollingUpdate.maxUnavailable")) {
    deployment.max_unavailable = IntOrString::parse(*unavailable);
  }
  deployment.min_ready_seconds = number_at(object, "spec.minReadySeconds");
  deployment.revision_history_limit = number_at(object, "spec.revisionHistoryLimit", 10);
  deployment.progress_deadline_seconds = number_at(object, "spec.progressDeadlineSeconds", 600);
  deployment.paused = flag_at(object, "spec.paused");
  deployment.observed_generation = number_at(object, "status.observedGeneration");
  deployment.ready_replicas = number_at(object, "status.readyReplicas");
  deployment.available_replicas = number_at(object, "status.availableReplicas");
  deployment.updated_replicas = number_at(object, "status.updatedReplicas");
  deployment.status_replicas = number_at(object, "status.replicas");
  deployment.conditions = conditions_at(object, "status.conditions");
  return deployment;
}

ReplicaSet ReplicaSet::parse(const Object& object) {
  ReplicaSet set;
  set.metadata = Metadata::parse(object);
  set.replicas = number_at(object, "spec.replicas", 1);
  set.selector = object_at(object, "spec.selector");
  set.pod_template = object_at(object, "spec.template");
  set.min_ready_seconds = number_at(object, "spec.minReadySeconds");
  set.observed_generation = number_at(object, "status.observedGeneration");
  set.status_replicas = number_at(object, "status.replicas");
  set.fully_labeled_replicas = number_at(object, "status.fullyLabeledReplicas");
  set.ready_replicas = number_at(object, "status.readyReplicas");
  set.available_replicas = number_at(object, "status.availableReplicas");
  return set;
}

}  // namespace kube
