#include "agents/apiserver/validation.h"

#include <arpa/inet.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/kube/selector.h"

namespace apiserver {
namespace {

namespace json = boost::json;

constexpr const char* subdomain_rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr const char* label_1123_rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr const char* label_1035_rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr const char* label_value_rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr const char* qualified_name_rule =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool alphanumeric(char c) {
  return lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_label_1123(std::string_view text) {
  return !text.empty() && text.size() <= 63 && lower_or_digit(text.front()) && lower_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
}

bool is_label_1035(std::string_view text) {
  return is_label_1123(text) && text.front() >= 'a' && text.front() <= 'z';
}

bool is_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  for (;;) {
    size_t dot = text.find('.');
    std::string_view label = text.substr(0, dot);
    bool good = !label.empty() && lower_or_digit(label.front()) && lower_or_digit(label.back()) &&
                std::all_of(label.begin(), label.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
    if (!good) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_label_value(std::string_view text) {
  return text.empty() || (text.size() <= 63 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
                          std::all_of(text.begin(), text.end(),
                                      [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; }));
}

bool is_qualified_name(std::string_view text) {
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    if (!is_subdomain(text.substr(0, slash))) return false;
    text.remove_prefix(slash + 1);
  }
  return !text.empty() && is_label_value(text);
}

bool is_address(const std::string& text) {
  uint8_t bytes[16];
  return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

bool is_cidr(const std::string& text) {
  size_t slash = text.find('/');
  if (slash == std::string::npos || !is_address(text.substr(0, slash))) return false;
  std::string length = text.substr(slash + 1);
  bool digits = !length.empty() && length.size() <= 3 && std::all_of(length.begin(), length.end(), ::isdigit);
  return digits && std::stoi(length) <= (text.find(':') == std::string::npos ? 32 : 128);
}

std::string at(const std::string& field, size_t index) {
  return field + "[" + std::to_string(index) + "]";
}

void check_strings(const Object& object, const std::string& path, const std::string& field, bool label_values,
                   Faults& faults) {
  const json::value* map = kube::find(object, path);
  if (map == nullptr || map->is_null()) return;
  if (!map->is_object()) return faults.invalid(field, *map, "must be a map of strings");
  for (const auto& [key, value] : map->get_object()) {
    if (!is_qualified_name(key)) faults.invalid(field, std::string(key), qualified_name_rule);
    if (!value.is_string()) {
      faults.invalid(field, value, "must be a string: put it in quotes");
    } else if (label_values && !is_label_value(std::string_view(value.get_string()))) {
      faults.invalid(field, value, label_value_rule);
    }
  }
}

void check_port_number(const json::value* value, const std::string& field, Faults& faults) {
  if (value == nullptr || value->is_null()) return faults.required(field);
  boost::system::error_code failure;
  int64_t number = value->is_number() ? value->to_number<int64_t>(failure) : 0;
  bool good = !failure && number >= 1 && number <= 65535;
  if (!good) faults.invalid(field, *value, "must be between 1 and 65535, inclusive");
}

void check_one_of(const Object& object, const std::string& path, const std::string& field,
                  const std::vector<std::string>& supported, Faults& faults) {
  std::string value = kube::text_at(object, path);
  if (!value.empty() && std::find(supported.begin(), supported.end(), value) == supported.end()) {
    faults.not_supported(field, value, supported);
  }
}

void check_target_port(const Object& port, const std::string& field, Faults& faults) {
  const json::value* target = port.if_contains("targetPort");
  if (target == nullptr) return;
  if (!target->is_string()) return check_port_number(target, field, faults);
  std::string name(target->get_string());
  bool letters = std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (name.size() > 15) faults.invalid(field, name, "must be no more than 15 characters");
  if (!letters) faults.invalid(field, name, "must contain at least one letter (a-z)");
  if (!is_label_1123(name)) {
    faults.invalid(field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
}

void check_service_ports(const Object& service, Faults& faults) {
  const json::array& ports = kube::array_at(service, "spec.ports");
  std::set<std::string> names, numbers;
  for (size_t index = 0; index < ports.size(); ++index) {
    std::string field = at("spec.ports", index);
    if (!ports[index].is_object()) {
      faults.invalid(field, ports[index], "must be an object");
      continue;
    }
    const Object& port = ports[index].get_object();
    std::string name = kube::text_at(port, "name");
    if (name.empty() && ports.size() > 1) faults.required(field + ".name");
    if (!name.empty() && !is_label_1123(name)) faults.invalid(field + ".name", name, label_1123_rule);
    if (!name.empty() && !names.insert(name).second) faults.duplicate(field + ".name", name);
    check_port_number(port.if_contains("port"), field + ".port", faults);
    check_one_of(port, "protocol", field + ".protocol", {"SCTP", "TCP", "UDP"}, faults);
    check_target_port(port, field + ".targetPort", faults);
    int64_t number = kube::number_at(port, "port");
    std::string protocol = kube::text_at(port, "protocol", "TCP");
    if (!numbers.insert(protocol + std::to_string(number)).second) {
      faults.duplicate(field, Object{{"port", number}, {"protocol", protocol}});
    }
    std::string type = kube::text_at(service, "spec.type");
    if (kube::number_at(port, "nodePort") != 0 && (type == "ClusterIP" || type == "ExternalName")) {
      faults.forbidden(field + ".nodePort", "may not be used when `type` is '" + type + "'");
    }
  }
}

// Kubernetes has always allowed spaces around them.
std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(" \t"));
  text.erase(text.find_last_not_of(" \t") + 1);
  return text;
}

void check_source_ranges(const Object& service, Faults& faults) {
  const json::array& ranges = kube::array_at(service, "spec.loadBalancerSourceRanges");
  if (!ranges.empty() && kube::text_at(service, "spec.type") != "LoadBalancer") {
    faults.forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'");
  }
  for (size_t index = 0; index < ranges.size(); ++index) {
    if (ranges[index].is_string() && is_cidr(trimmed(std::string(ranges[index].get_string())))) continue;
    faults.invalid(at("spec.LoadBalancerSourceRanges", index), ranges[index],
                   "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
  }
}

void check_health_check_port(const Object& service, Faults& faults) {
  int64_t port = kube::number_at(service, "spec.healthCheckNodePort");
  bool checked = kube::text_at(service, "spec.type") == "LoadBalancer" &&
                 kube::text_at(service, "spec.externalTrafficPolicy") == "Local";
  if (port != 0 && !checked) {
    faults.invalid("spec.healthCheckNodePort", port,
                   "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  }
}

void check_families(const Object& service, Faults& faults) {
  check_one_of(service, "spec.ipFamilyPolicy", "spec.ipFamilyPolicy",
               {"PreferDualStack", "RequireDualStack", "SingleStack"}, faults);
  std::vector<std::string> families = kube::strings_at(service, "spec.ipFamilies");
  for (size_t index = 0; index < families.size(); ++index) {
    if (families[index] == "IPv4" || families[index] == "IPv6") continue;
    faults.not_supported(at("spec.ipFamilies", index), families[index], {"IPv4", "IPv6"});
  }
}

void check_containers(const Object& spec, const std::string& prefix, Faults& faults) {
  const json::array& containers = kube::array_at(spec, "containers");
  if (containers.empty()) faults.required(prefix + ".containers");
  std::set<std::string> names;
  for (size_t index = 0; index < containers.size(); ++index) {
    std::string field = at(prefix + ".containers", index);
    if (!containers[index].is_object()) {
      faults.invalid(field, containers[index], "must be an object");
      continue;
    }
    const Object& container = containers[index].get_object();
    std::string name = kube::text_at(container, "name");
    if (name.empty()) {
      faults.required(field + ".name");
    } else if (!is_label_1123(name)) {
      faults.invalid(field + ".name", name, label_1123_rule);
    } else if (!names.insert(name).second) {
      faults.duplicate(field + ".name", name);
    }
    // A lab has no images: a command of the host will do as well.
    if (kube::text_at(container, "image").empty() && kube::array_at(container, "command").empty()) {
      faults.required(field + ".image");
    }
    const json::array& ports = kube::array_at(container, "ports");
    for (size_t port = 0; port < ports.size(); ++port) {
      std::string port_field = at(field + ".ports", port);
      if (!ports[port].is_object()) continue;
      check_port_number(ports[port].get_object().if_contains("containerPort"), port_field + ".containerPort", faults);
      check_one_of(ports[port].get_object(), "protocol", port_field + ".protocol", {"SCTP", "TCP", "UDP"}, faults);
    }
    const json::array& variables = kube::array_at(container, "env");
    for (size_t at_variable = 0; at_variable < variables.size(); ++at_variable) {
      if (!variables[at_variable].is_object()) continue;
      const Object& variable = variables[at_variable].get_object();
      std::string variable_field = at(field + ".env", at_variable);
      if (kube::text_at(variable, "name").empty()) faults.required(variable_field + ".name");
      const json::value* value = variable.if_contains("value");
      if (value != nullptr && !value->is_string() && !value->is_null()) {
        faults.invalid(variable_field + ".value", *value, "must be a string: put it in quotes");
      }
    }
  }
  check_one_of(spec, "restartPolicy", prefix + ".restartPolicy", {"Always", "OnFailure", "Never"}, faults);
  check_one_of(spec, "dnsPolicy", prefix + ".dnsPolicy", {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"},
               faults);
}

// A selector that does not match the template's own labels makes pods for ever: none of them counts.
void check_selector(const Object& object, const Object* old, const std::string& what, Faults& faults) {
  const json::value* selector = kube::find(object, "spec.selector");
  if (selector == nullptr || !selector->is_object()) return faults.required("spec.selector");
  check_strings(object, "spec.selector.matchLabels", "spec.selector.matchLabels", true, faults);
  try {
    kube::Selector parsed = kube::Selector::from_object(selector->get_object());
    if (parsed.empty()) {
      faults.invalid("spec.selector", *selector, "empty selector is invalid for " + what);
    } else if (!parsed.matches(kube::object_at(object, "spec.template"))) {
      faults.invalid("spec.template.metadata.labels", kube::object_at(object, "spec.template.metadata.labels"),
                     "`selector` does not match template `labels`");
    }
  } catch (const base::Error& error) {
    faults.invalid("spec.selector", *selector, error.what());
  }
  if (old != nullptr && kube::object_at(*old, "spec.selector") != selector->get_object()) {
    faults.invalid("spec.selector", *selector, "field is immutable");
  }
}

// What Deployments and ReplicaSets have in common: replicas, selector and template.
void check_pod_maker(const Object& object, const Object* old, const std::string& what, Faults& faults) {
  int64_t replicas = kube::number_at(object, "spec.replicas");
  if (replicas < 0) faults.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  check_selector(object, old, what, faults);
  check_containers(kube::object_at(object, "spec.template.spec"), "spec.template.spec", faults);
  std::string restart = kube::text_at(object, "spec.template.spec.restartPolicy", "Always");
  if (restart != "Always") faults.not_supported("spec.template.spec.restartPolicy", restart, {"Always"});
}

// Without what may change in a running pod.
Object fixed_part(const Object& pod) {
  Object spec = kube::object_at(pod, "spec");
  for (const char* list : {"containers", "initContainers"}) {
    json::value* containers = spec.if_contains(list);
    if (containers == nullptr || !containers->is_array()) continue;
    for (json::value& container : containers->get_array()) {
      if (container.is_object()) container.get_object().erase("image");
      if (container.is_object()) container.get_object().erase("imagePullPolicy");
    }
  }
  for (const char* field : {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"}) spec.erase(field);
  return spec;
}

}  // namespace

void validate_metadata(const Kind& kind, const Object& object, Faults& faults) {
  std::string name = kube::text_at(object, "metadata.name");
  const std::string& plural = kind.resource.plural;
  if (name.empty()) {
    faults.required("metadata.name", "name or generateName is required");
  } else if (plural == "services") {
    if (!is_label_1035(name)) faults.invalid("metadata.name", name, label_1035_rule);
  } else if (plural == "namespaces") {
    if (!is_label_1123(name)) faults.invalid("metadata.name", name, label_1123_rule);
  } else if (!is_subdomain(name)) {
    faults.invalid("metadata.name", name, subdomain_rule);
  }
  check_strings(object, "metadata.labels", "metadata.labels", true, faults);
  check_strings(object, "metadata.annotations", "metadata.annotations", false, faults);
}

void validate_service(const Object& service, const Object*, Faults& faults) {
  check_one_of(service, "spec.type", "spec.type", {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"}, faults);
  std::string type = kube::text_at(service, "spec.type");
  std::string cluster_ip = kube::text_at(service, "spec.clusterIP");
  bool headless = cluster_ip == "None";
  if (type == "ExternalName") {
    if (kube::text_at(service, "spec.externalName").empty()) faults.required("spec.externalName");
    if (!cluster_ip.empty()) faults.forbidden("spec.clusterIPs[0]", "may not be set for ExternalName services");
  } else {
    if (kube::array_at(service, "spec.ports").empty() && !headless) faults.required("spec.ports");
    if (headless && type != "ClusterIP") {
      faults.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for " + type + " services");
    }
    if (!cluster_ip.empty() && !headless && !is_address(cluster_ip)) {
      faults.invalid("spec.clusterIPs[0]", cluster_ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
  }
  check_service_ports(service, faults);
  check_strings(service, "spec.selector", "spec.selector", true, faults);
  check_one_of(service, "spec.sessionAffinity", "spec.sessionAffinity", {"ClientIP", "None"}, faults);
  check_one_of(service, "spec.externalTrafficPolicy", "spec.externalTrafficPolicy", {"Cluster", "Local"}, faults);
  check_one_of(service, "spec.internalTrafficPolicy", "spec.internalTrafficPolicy", {"Cluster", "Local"}, faults);
  int64_t timeout = kube::number_at(service, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 1);
  if (timeout < 1 || timeout > 86400) {
    faults.invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", timeout,
                   "must be greater than 0 and less than 86400");
  }
  check_source_ranges(service, faults);
  check_health_check_port(service, faults);
  check_families(service, faults);
  const json::array& external = kube::array_at(service, "spec.externalIPs");
  for (size_t index = 0; index < external.size(); ++index) {
    if (!external[index].is_string() || !is_address(std::string(external[index].get_string()))) {
      faults.invalid(at("spec.externalIPs", index), external[index],
                     "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
  }
}

void validate_pod(const Object& pod, const Object* old, Faults& faults) {
  check_containers(kube::object_at(pod, "spec"), "spec", faults);
  if (old == nullptr) return;
  Object before = fixed_part(*old), after = fixed_part(pod);
  if (kube::text_at(before, "nodeName").empty()) before.erase("nodeName"), after.erase("nodeName");
  if (before != after) {
    faults.forbidden("spec",
                     "pod updates may not change fields other than "
                     "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                     "`spec.tolerations` (only additions to existing tolerations),"
                     "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
  }
}

void validate_deployment(const Object& deployment, const Object* old, Faults& faults) {
  check_pod_maker(deployment, old, "deployment", faults);
  check_one_of(deployment, "spec.strategy.type", "spec.strategy.type", {"Recreate", "RollingUpdate"}, faults);
}

void validate_replica_set(const Object& set, const Object* old, Faults& faults) {
  check_pod_maker(set, old, "replicaset", faults);
}

void validate_endpoint_slice(const Object& slice, const Object* old, Faults& faults) {
  std::string type = kube::text_at(slice, "addressType");
  if (type.empty()) faults.required("addressType");
  check_one_of(slice, "addressType", "addressType", {"FQDN", "IPv4", "IPv6"}, faults);
  if (old != nullptr && kube::text_at(*old, "addressType") != type) {
    faults.invalid("addressType", type, "field is immutable");
  }
  const json::array& endpoints = kube::array_at(slice, "endpoints");
  for (size_t index = 0; index < endpoints.size(); ++index) {
    std::string field = at("endpoints", index) + ".addresses";
    if (!endpoints[index].is_object()) continue;
    const json::array& addresses = kube::array_at(endpoints[index].get_object(), "addresses");
    if (addresses.empty()) faults.required(field, "must contain at least 1 address");
    for (size_t each = 0; each < addresses.size(); ++each) {
      std::string address = addresses[each].is_string() ? std::string(addresses[each].get_string()) : "";
      bool good =
          type == "FQDN" || (is_address(address) && (address.find(':') != std::string::npos) == (type == "IPv6"));
      if (!good) {
        faults.invalid(at(field, each), addresses[each],
                       type == "IPv6" ? "must be a valid IPv6 address" : "must be a valid IPv4 address");
      }
    }
  }
  const json::array& ports = kube::array_at(slice, "ports");
  std::set<std::string> names;
  for (size_t index = 0; index < ports.size(); ++index) {
    if (!ports[index].is_object()) continue;
    const Object& port = ports[index].get_object();
    std::string field = at("ports", index);
    if (!names.insert(kube::text_at(port, "name")).second) {
      faults.duplicate(field + ".name", kube::text_at(port, "name"));
    }
    if (port.contains("port")) check_port_number(port.if_contains("port"), field + ".port", faults);
    check_one_of(port, "protocol", field + ".protocol", {"SCTP", "TCP", "UDP"}, faults);
  }
}

void validate_node(const Object& node, const Object* old, Faults& faults) {
  if (old == nullptr) return;
  std::string before = kube::text_at(*old, "spec.podCIDR"), after = kube::text_at(node, "spec.podCIDR");
  if (!before.empty() && before != after) {
    faults.forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
  }
}

}  // namespace apiserver
