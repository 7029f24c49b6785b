#include "agents/apiserver/defaults.h"

#include <boost/json/array.hpp>
#include <initializer_list>
#include <string>
#include <utility>

#include "agents/apiserver/base64.h"

namespace apiserver {
namespace {

namespace json = boost::json;

void set_if_absent(Object& object, std::initializer_list<std::pair<const char*, json::value>> defaults) {
  for (const auto& [key, value] : defaults) {
    json::value* present = object.if_contains(key);
    if (present == nullptr || present->is_null()) object[key] = value;
  }
}

// The object at KEY, made where there is none.
Object& object_in(Object& parent, const char* key) {
  json::value& value = parent[key];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

template <class Function>
void for_each_object(Object& parent, const char* key, Function&& function) {
  json::value* list = parent.if_contains(key);
  if (list == nullptr || !list->is_array()) return;
  for (json::value& element : list->get_array()) {
    if (element.is_object()) function(element.get_object());
  }
}

void default_probe(Object& container, const char* key) {
  json::value* value = container.if_contains(key);
  if (value == nullptr || !value->is_object()) return;
  Object& probe = value->get_object();
  set_if_absent(probe,
                {{"timeoutSeconds", 1}, {"periodSeconds", 10}, {"successThreshold", 1}, {"failureThreshold", 3}});
  if (json::value* get = probe.if_contains("httpGet"); get != nullptr && get->is_object()) {
    set_if_absent(get->get_object(), {{"path", "/"}, {"scheme", "HTTP"}});
  }
}

void default_container(Object& container) {
  std::string image = kube::text_at(container, "image");
  bool latest = image.ends_with(":latest") || image.substr(image.rfind('/') + 1).find(':') == std::string::npos;
  set_if_absent(container, {{"imagePullPolicy", latest ? "Always" : "IfNotPresent"},
                            {"resources", Object()},
                            {"terminationMessagePath", "/dev/termination-log"},
                            {"terminationMessagePolicy", "File"}});
  for_each_object(container, "ports", [](Object& port) { set_if_absent(port, {{"protocol", "TCP"}}); });
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) default_probe(container, probe);
}

void default_pod_spec(Object& spec) {
  set_if_absent(spec, {{"restartPolicy", "Always"},
                       {"dnsPolicy", "ClusterFirst"},
                       {"terminationGracePeriodSeconds", 30},
                       {"schedulerName", "default-scheduler"},
                       {"securityContext", Object()}});
  for_each_object(spec, "containers", default_container);
  for_each_object(spec, "initContainers", default_container);
}

}  // namespace

void default_service(Object& service) {
  Object& spec = object_in(service, "spec");
  set_if_absent(spec, {{"type", "ClusterIP"}, {"sessionAffinity", "None"}});
  std::string type = kube::text_at(spec, "type");
  if (type != "ExternalName") set_if_absent(spec, {{"internalTrafficPolicy", "Cluster"}});
  if (type == "NodePort" || type == "LoadBalancer") set_if_absent(spec, {{"externalTrafficPolicy", "Cluster"}});
  if (type == "LoadBalancer") set_if_absent(spec, {{"allocateLoadBalancerNodePorts", true}});
  if (kube::text_at(spec, "sessionAffinity") == "ClientIP") {
    Object& client = object_in(object_in(spec, "sessionAffinityConfig"), "clientIP");
    set_if_absent(client, {{"timeoutSeconds", 10800}});
  } else {
    spec.erase("sessionAffinityConfig");
  }
  for_each_object(spec, "ports", [](Object& port) {
    set_if_absent(port, {{"protocol", "TCP"}});
    json::value* target = port.if_contains("targetPort");
    bool unset = target == nullptr || target->is_null() || (target->is_int64() && target->get_int64() == 0) ||
                 (target->is_string() && target->get_string().empty());
    if (unset && port.contains("port")) port["targetPort"] = port["port"];
  });
  set_if_absent(object_in(service, "status"), {{"loadBalancer", Object()}});
}

void default_pod(Object& pod) {
  default_pod_spec(object_in(pod, "spec"));
  set_if_absent(object_in(pod, "spec"), {{"enableServiceLinks", true}});
  set_if_absent(object_in(pod, "status"), {{"phase", "Pending"}, {"qosClass", "BestEffort"}});
}

void default_deployment(Object& deployment) {
  Object& spec = object_in(deployment, "spec");
  set_if_absent(spec, {{"replicas", 1}, {"revisionHistoryLimit", 10}, {"progressDeadlineSeconds", 600}});
  Object& strategy = object_in(spec, "strategy");
  set_if_absent(strategy, {{"type", "RollingUpdate"}});
  if (kube::text_at(strategy, "type") == "RollingUpdate") {
    set_if_absent(object_in(strategy, "rollingUpdate"), {{"maxSurge", "25%"}, {"maxUnavailable", "25%"}});
  }
  default_pod_spec(object_in(object_in(spec, "template"), "spec"));
  object_in(deployment, "status");
}

void default_replica_set(Object& replica_set) {
  Object& spec = object_in(replica_set, "spec");
  set_if_absent(spec, {{"replicas", 1}});
  default_pod_spec(object_in(object_in(spec, "template"), "spec"));
  set_if_absent(object_in(replica_set, "status"), {{"replicas", 0}});
}

void default_endpoint_slice(Object& slice) {
  for_each_object(slice, "ports", [](Object& port) { set_if_absent(port, {{"protocol", "TCP"}, {"name", ""}}); });
  set_if_absent(slice, {{"endpoints", json::array()}});
}

void default_namespace(Object& object) {
  set_if_absent(object_in(object, "spec"), {{"finalizers", json::array{"kubernetes"}}});
  set_if_absent(object_in(object, "status"), {{"phase", "Active"}});
  Object& labels = object_in(object_in(object, "metadata"), "labels");
  labels["kubernetes.io/metadata.name"] = kube::text_at(object, "metadata.name");
}

void default_secret(Object& secret) {
  set_if_absent(secret, {{"type", "Opaque"}});
  Object plain = kube::object_at(secret, "stringData");
  secret.erase("stringData");
  for (const auto& [key, value] : plain) {
    if (value.is_string()) object_in(secret, "data")[key] = base64(std::string_view(value.get_string()));
  }
}

void default_network_policy(Object& policy) {
  Object& spec = object_in(policy, "spec");
  set_if_absent(spec, {{"podSelector", Object()}});
  if (!spec.contains("policyTypes")) {
    json::array types{"Ingress"};
    if (!kube::array_at(spec, "egress").empty()) types.emplace_back("Egress");
    spec["policyTypes"] = std::move(types);
  }
}

}  // namespace apiserver
