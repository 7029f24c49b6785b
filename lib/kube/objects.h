// Typed views of the Kubernetes objects that agents read: only the fields that somebody uses. What is absent has the
// default that the API server would have set.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kube/resource.h"

namespace kube {

using Object = boost::json::object;
using StringMap = std::map<std::string, std::string>;

// Reading of JSON that may lack anything: null, "" or the fallback where the path leads nowhere or to another type.
// A path has dots: "metadata.name"; keys that contain dots (labels): string_map_at.
const boost::json::value* find(const Object& object, std::string_view dotted_path);
std::string text_at(const Object& object, std::string_view dotted_path, std::string fallback = {});
int64_t number_at(const Object& object, std::string_view dotted_path, int64_t fallback = 0);
bool flag_at(const Object& object, std::string_view dotted_path, bool fallback = false);
const Object& object_at(const Object& object, std::string_view dotted_path);             // an empty one where absent
const boost::json::array& array_at(const Object& object, std::string_view dotted_path);  // an empty one where absent
StringMap string_map_at(const Object& object, std::string_view dotted_path);
std::vector<std::string> strings_at(const Object& object, std::string_view dotted_path);

// "namespace/name", or "name" for what has no namespace.
std::string key_of(const Object& object);
// "2026-11-23T08:45:05Z": the time now as metadata has it; with microseconds as leases and events have it.
std::string timestamp_now();
std::string micro_timestamp_now();

struct OwnerReference {
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
};

struct Metadata {
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  StringMap labels;
  StringMap annotations;
  std::string creation_timestamp;
  std::optional<std::string> deletion_timestamp;
  int64_t deletion_grace_seconds = 0;
  std::vector<OwnerReference> owners;

  static Metadata parse(const Object& object);
  std::string key() const { return namespace_name.empty() ? name : namespace_name + "/" + name; }
};

// A port given by number or by name.
struct IntOrString {
  int64_t number = 0;
  std::string name;  // empty where it is a number
  static IntOrString parse(const boost::json::value& value);
  std::string text() const { return name.empty() ? std::to_string(number) : name; }
};

struct ServicePort {
  std::string name;
  std::string protocol = "TCP";
  uint16_t port = 0;
  IntOrString target_port;
  uint16_t node_port = 0;
};

struct Service {
  static const Resource& resource() { return resources::services; }
  static Service parse(const Object& object);

  Metadata metadata;
  std::string type = "ClusterIP";
  std::string cluster_ip;  // "None" for headless ones
  std::vector<std::string> cluster_ips;
  std::vector<std::string> ip_families;
  std::vector<std::string> external_ips;
  std::vector<std::string> load_balancer_ips;  // status.loadBalancer.ingress[].ip, where the nodes are to answer to it
  std::vector<std::string> load_balancer_source_ranges;
  std::vector<ServicePort> ports;
  StringMap selector;
  std::string session_affinity = "None";
  int64_t affinity_timeout_seconds = 10800;
  std::string external_traffic_policy = "Cluster";
  std::string internal_traffic_policy = "Cluster";
  uint16_t health_check_node_port = 0;
  bool publish_not_ready_addresses = false;
  std::string external_name;

  bool headless() const { return cluster_ip == "None"; }
};

struct EndpointPort {
  std::string name;
  std::string protocol = "TCP";
  uint16_t port = 0;

  auto operator<=>(const EndpointPort&) const = default;
};

struct Endpoint {
  std::vector<std::string> addresses;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string node_name;
  std::string hostname;
  std::string zone;
  std::string target_kind;
  std::string target_name;
  std::string target_namespace;
  std::vector<std::string> hinted_zones;
  std::string target_uid = {};

  bool operator==(const Endpoint&) const = default;
};

struct EndpointSlice {
  static const Resource& resource() { return resources::endpoint_slices; }
  static EndpointSlice parse(const Object& object);

  Metadata metadata;
  std::string service_name;  // of its label kubernetes.io/service-name
  std::string address_type;  // IPv4, IPv6, FQDN
  std::vector<Endpoint> endpoints;
  std::vector<EndpointPort> ports;
};

struct Condition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  std::string last_transition_time = {};
  std::string last_update_time = {};     // of Deployments
  std::string last_heartbeat_time = {};  // of Nodes
};
// Null where there is none of this type.
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);

// What keeps pods that do not tolerate it away from a node.
struct Taint {
  std::string key;
  std::string value;
  std::string effect;  // NoSchedule, PreferNoSchedule, NoExecute
};

struct Toleration {
  std::string key;                  // empty, with Exists: every taint
  std::string operation = "Equal";  // or Exists
  std::string value;
  std::string effect;  // empty: every effect

  bool tolerates(const Taint& taint) const;
};

struct NodeAddress {
  std::string type;
  std::string address;
};

struct Node {
  static const Resource& resource() { return resources::nodes; }
  static Node parse(const Object& object);

  Metadata metadata;
  std::string pod_cidr;
  std::vector<std::string> pod_cidrs;
  bool unschedulable = false;
  std::vector<Taint> taints;
  std::vector<NodeAddress> addresses;
  std::vector<Condition> conditions;

  std::string internal_ip() const;  // the first InternalIP; empty where there is none
  bool ready() const;
};

struct EnvironmentVariable {
  std::string name;
  std::string value;
  std::string field_path;    // of valueFrom.fieldRef: "status.podIP"; empty where VALUE counts
  std::string other_source;  // the name of any other valueFrom: "configMapKeyRef"
};

struct ContainerPort {
  std::string name;
  std::string protocol = "TCP";
  uint16_t port = 0;
  uint16_t host_port = 0;
  std::string host_ip = {};  // empty: any address of the node
};

struct Probe {
  enum class Kind { http, tcp, exec };
  Kind kind = Kind::exec;
  std::string path;  // http
  std::string host;  // http and tcp; empty: the pod
  std::string scheme = "HTTP";
  IntOrString port;
  StringMap headers;
  std::vector<std::string> command;  // exec
  int64_t initial_delay_seconds = 0;
  int64_t period_seconds = 10;
  int64_t timeout_seconds = 1;
  int64_t success_threshold = 1;
  int64_t failure_threshold = 3;
};

struct Container {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> arguments;
  std::string working_directory;
  std::vector<EnvironmentVariable> environment;
  std::vector<ContainerPort> ports;
  std::optional<Probe> readiness_probe;
  std::optional<Probe> liveness_probe;
  std::optional<Probe> startup_probe;
  std::vector<std::string> post_start_command;  // lifecycle.postStart.exec
  std::vector<std::string> pre_stop_command;    // lifecycle.preStop.exec
  int64_t pre_stop_sleep_seconds = 0;           // lifecycle.preStop.sleep
  bool has_environment_sources = false;         // envFrom
  bool has_volume_mounts = false;
};

struct Pod {
  static const Resource& resource() { return resources::pods; }
  static Pod parse(const Object& object);

  Metadata metadata;
  std::string node_name;
  bool host_network = false;
  std::string restart_policy = "Always";
  int64_t termination_grace_seconds = 30;
  std::string hostname;
  std::string subdomain;
  std::string dns_policy = "ClusterFirst";
  std::vector<std::string> dns_nameservers;
  std::vector<std::string> dns_searches;
  std::vector<std::string> dns_options;                          // "ndots:5"
  std::map<std::string, std::vector<std::string>> host_aliases;  // address → names
  std::vector<std::string> readiness_gates;
  std::vector<Container> init_containers;
  std::vector<Container> containers;
  StringMap node_selector;
  std::vector<Toleration> tolerations;
  std::string scheduler_name = "default-scheduler";
  // status
  std::string phase;
  std::string pod_ip;
  std::vector<std::string> pod_ips;
  std::string host_ip;
  std::vector<Condition> conditions;

  bool ready() const;
  bool terminating() const { return metadata.deletion_timestamp.has_value(); }
  bool finished() const { return phase == "Succeeded" || phase == "Failed"; }
};

struct Deployment {
  static const Resource& resource() { return resources::deployments; }
  static Deployment parse(const Object& object);

  Metadata metadata;
  int64_t replicas = 1;
  Object selector;  // a LabelSelector: see kube::Selector
  Object pod_template;
  std::string strategy = "RollingUpdate";
  IntOrString max_surge;
  IntOrString max_unavailable;
  int64_t min_ready_seconds = 0;
  int64_t revision_history_limit = 10;
  int64_t progress_deadline_seconds = 600;
  bool paused = false;
  // status
  int64_t observed_generation = 0;
  int64_t ready_replicas = 0;
  int64_t available_replicas = 0;
  int64_t updated_replicas = 0;
  int64_t status_replicas = 0;
  std::vector<Condition> conditions;
};

struct ReplicaSet {
  static const Resource& resource() { return resources::replica_sets; }
  static ReplicaSet parse(const Object& object);

  Metadata metadata;
  int64_t replicas = 1;
  Object selector;
  Object pod_template;
  int64_t min_ready_seconds = 0;
  // status
  int64_t observed_generation = 0;
  int64_t status_replicas = 0;
  int64_t fully_labeled_replicas = 0;
  int64_t ready_replicas = 0;
  int64_t available_replicas = 0;
};

}  // namespace kube
