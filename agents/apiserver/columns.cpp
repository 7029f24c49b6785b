#include "agents/apiserver/columns.h"

#include <time.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>

#include "lib/kube/selector.h"

namespace apiserver {
namespace {

namespace json = boost::json;
using kube::array_at;
using kube::number_at;
using kube::object_at;
using kube::text_at;

// Seconds since the epoch of "2026-11-23T08:45:05Z", with or without a fraction; 0 where it is no time.
int64_t parse_time(const std::string& text) {
  tm parts{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  return ::timegm(&parts);
}

std::string time_since(const std::string& timestamp) {
  int64_t then = parse_time(timestamp);
  return then == 0 ? "<unknown>" : human_duration(::time(nullptr) - then);
}

json::value name_cell(const Object& object) {
  return json::value(text_at(object, "metadata.name"));
}
json::value age_cell(const Object& object) {
  return json::value(time_since(text_at(object, "metadata.creationTimestamp")));
}

Column name_column() {
  return {"Name", name_cell, 0, "string"};
}
Column age_column() {
  return {"Age", age_cell, 0, "string"};
}

std::string or_none(const std::string& text) {
  return text.empty() ? "<none>" : text;
}

template <class Range>
std::string joined(const Range& range, const std::string& separator = ",") {
  std::string text;
  for (const std::string& part : range) text += (text.empty() ? "" : separator) + part;
  return text;
}

// MEMBER of each object in an array.
std::vector<std::string> members(const json::array& array, const char* member) {
  std::vector<std::string> result;
  for (const json::value& element : array) {
    if (element.is_object()) result.push_back(text_at(element.get_object(), member));
  }
  return result;
}

std::string labels_text(const Object& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) {
    parts.push_back(std::string(key) + "=" + (value.is_string() ? std::string(value.get_string()) : ""));
  }
  std::sort(parts.begin(), parts.end());
  return or_none(joined(parts));
}

std::string selector_text(const Object& selector) {
  return or_none(kube::Selector::from_object(selector).text());
}

const Object* condition(const Object& object, std::string_view type) {
  for (const json::value& element : array_at(object, "status.conditions")) {
    if (element.is_object() && text_at(element.get_object(), "type") == type) return &element.get_object();
  }
  return nullptr;
}

// --- Pods ---------------------------------------------------------------------------------------------------------

json::value pod_ready(const Object& pod) {
  size_t ready = 0;
  for (const json::value& status : array_at(pod, "status.containerStatuses")) {
    if (status.is_object() && kube::flag_at(status.get_object(), "ready")) ++ready;
  }
  return json::value(std::to_string(ready) + "/" + std::to_string(array_at(pod, "spec.containers").size()));
}

std::string container_reason(const Object& status) {
  std::string waiting = text_at(status, "state.waiting.reason");
  if (!waiting.empty()) return waiting;
  if (kube::find(status, "state.terminated") == nullptr) return {};
  std::string reason = text_at(status, "state.terminated.reason");
  if (!reason.empty()) return reason;
  int64_t signal = number_at(status, "state.terminated.signal");
  if (signal != 0) return "Signal:" + std::to_string(signal);
  return "ExitCode:" + std::to_string(number_at(status, "state.terminated.exitCode"));
}

json::value pod_status(const Object& pod) {
  std::string reason = text_at(pod, "status.phase");
  if (std::string own = text_at(pod, "status.reason"); !own.empty()) reason = own;
  bool running = false;
  const json::array& statuses = array_at(pod, "status.containerStatuses");
  for (auto status = statuses.rbegin(); status != statuses.rend(); ++status) {
    if (!status->is_object()) continue;
    std::string of_container = container_reason(status->get_object());
    if (!of_container.empty()) reason = of_container;
    if (kube::find(status->get_object(), "state.running") != nullptr) running = true;
  }
  if (reason == "Completed" && running) {
    const Object* ready = condition(pod, "Ready");
    reason = ready != nullptr && text_at(*ready, "status") == "True" ? "Running" : "NotReady";
  }
  std::string phase = text_at(pod, "status.phase");
  bool finished = phase == "Succeeded" || phase == "Failed";
  if (kube::find(pod, "metadata.deletionTimestamp") != nullptr) {
    reason = text_at(pod, "status.reason") == "NodeLost" ? "Unknown" : finished ? reason : "Terminating";
  }
  return json::value(reason);
}

json::value pod_restarts(const Object& pod) {
  int64_t restarts = 0;
  std::string last;
  for (const json::value& status : array_at(pod, "status.containerStatuses")) {
    if (!status.is_object()) continue;
    restarts += number_at(status.get_object(), "restartCount");
    last = std::max(last, text_at(status.get_object(), "lastState.terminated.finishedAt"));
  }
  std::string text = std::to_string(restarts);
  if (restarts > 0 && !last.empty()) text += " (" + time_since(last) + " ago)";
  return json::value(text);
}

json::value pod_readiness_gates(const Object& pod) {
  const json::array& gates = array_at(pod, "spec.readinessGates");
  if (gates.empty()) return json::value("<none>");
  size_t open = 0;
  for (const std::string& type : members(gates, "conditionType")) {
    const Object* state = condition(pod, type);
    if (state != nullptr && text_at(*state, "status") == "True") ++open;
  }
  return json::value(std::to_string(open) + "/" + std::to_string(gates.size()));
}

// --- Services -----------------------------------------------------------------------------------------------------

std::string external_addresses(const Object& service) {
  std::vector<std::string> addresses = kube::strings_at(service, "spec.externalIPs");
  std::string type = text_at(service, "spec.type");
  if (type == "ExternalName") return text_at(service, "spec.externalName");
  if (type == "LoadBalancer") {
    std::vector<std::string> all;
    for (const json::value& ingress : array_at(service, "status.loadBalancer.ingress")) {
      if (!ingress.is_object()) continue;
      std::string address = text_at(ingress.get_object(), "ip");
      all.push_back(address.empty() ? text_at(ingress.get_object(), "hostname") : address);
    }
    all.insert(all.end(), addresses.begin(), addresses.end());
    return all.empty() ? "<pending>" : joined(all);
  }
  return or_none(joined(addresses));
}

json::value service_ports(const Object& service) {
  std::vector<std::string> ports;
  for (const json::value& element : array_at(service, "spec.ports")) {
    if (!element.is_object()) continue;
    const Object& port = element.get_object();
    std::string text = std::to_string(number_at(port, "port"));
    if (int64_t node = number_at(port, "nodePort"); node != 0) text += ":" + std::to_string(node);
    ports.push_back(text + "/" + text_at(port, "protocol", "TCP"));
  }
  return json::value(or_none(joined(ports)));
}

// --- Nodes --------------------------------------------------------------------------------------------------------

json::value node_status(const Object& node) {
  const Object* ready = condition(node, "Ready");
  std::string text = ready == nullptr ? "Unknown" : text_at(*ready, "status") == "True" ? "Ready" : "NotReady";
  if (kube::flag_at(node, "spec.unschedulable")) text += ",SchedulingDisabled";
  return json::value(text);
}

json::value node_roles(const Object& node) {
  constexpr std::string_view prefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (const auto& [key, value] : object_at(node, "metadata.labels")) {
    if (std::string_view(key).starts_with(prefix)) roles.emplace(std::string_view(key).substr(prefix.size()));
    if (key == "kubernetes.io/role" && value.is_string()) roles.emplace(value.get_string());
  }
  return json::value(or_none(joined(roles)));
}

std::string node_address(const Object& node, std::string_view type) {
  for (const json::value& element : array_at(node, "status.addresses")) {
    if (element.is_object() && text_at(element.get_object(), "type") == type) {
      return text_at(element.get_object(), "address");
    }
  }
  return "<none>";
}

std::string or_unknown(const std::string& text) {
  return text.empty() ? "<unknown>" : text;
}

// --- Workloads ----------------------------------------------------------------------------------------------------

json::value template_containers(const Object& object) {
  return json::value(joined(members(array_at(object, "spec.template.spec.containers"), "name")));
}

json::value template_images(const Object& object) {
  return json::value(joined(members(array_at(object, "spec.template.spec.containers"), "image")));
}

json::value object_selector(const Object& object) {
  return json::value(selector_text(object_at(object, "spec.selector")));
}

// --- Endpoints ----------------------------------------------------------------------------------------------------

std::string first_few(const std::vector<std::string>& all, size_t limit) {
  if (all.empty()) return "<unset>";
  std::vector<std::string> shown(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size())));
  std::string text = joined(shown);
  if (all.size() > limit) text += " + " + std::to_string(all.size() - limit) + " more...";
  return text;
}

json::value slice_ports(const Object& slice) {
  std::vector<std::string> ports;
  for (const json::value& port : array_at(slice, "ports")) {
    if (port.is_object()) ports.push_back(std::to_string(number_at(port.get_object(), "port")));
  }
  return json::value(first_few(ports, 3));
}

json::value slice_endpoints(const Object& slice) {
  std::vector<std::string> addresses;
  for (const json::value& endpoint : array_at(slice, "endpoints")) {
    if (!endpoint.is_object()) continue;
    for (const std::string& address : kube::strings_at(endpoint.get_object(), "addresses"))
      addresses.push_back(address);
  }
  return json::value(first_few(addresses, 3));
}

json::value endpoints_cell(const Object& endpoints) {
  std::vector<std::string> all;
  for (const json::value& element : array_at(endpoints, "subsets")) {
    if (!element.is_object()) continue;
    const Object& subset = element.get_object();
    for (const json::value& port : array_at(subset, "ports")) {
      for (const std::string& address : members(array_at(subset, "addresses"), "ip")) {
        std::string number = port.is_object() ? std::to_string(number_at(port.get_object(), "port")) : "";
        all.push_back(address.find(':') == std::string::npos ? address + ":" + number : "[" + address + "]:" + number);
      }
    }
  }
  return json::value(all.empty() ? "<none>" : first_few(all, 3));
}

// --- Events -------------------------------------------------------------------------------------------------------

std::string first_seen(const Object& event) {
  std::string first = text_at(event, "firstTimestamp");
  return time_since(first.empty() ? text_at(event, "eventTime") : first);
}

json::value last_seen(const Object& event) {
  std::string last = text_at(event, "series.lastObservedTime");
  if (last.empty()) last = text_at(event, "lastTimestamp");
  return json::value(last.empty() ? first_seen(event) : time_since(last));
}

std::string event_source(const Object& event) {
  std::string component = text_at(event, "source.component");
  if (component.empty()) component = text_at(event, "reportingComponent");
  std::string host = text_at(event, "source.host");
  return host.empty() ? component : component + ", " + host;
}

template <const char* path>
json::value text_cell(const Object& object) {
  return json::value(text_at(object, path));
}

}  // namespace

std::vector<Column> pod_columns() {
  return {name_column(),
          {"Ready", pod_ready},
          {"Status", pod_status},
          {"Restarts", pod_restarts},
          age_column(),
          {"IP", [](const Object& pod) { return json::value(or_none(text_at(pod, "status.podIP"))); }, 1},
          {"Node", [](const Object& pod) { return json::value(or_none(text_at(pod, "spec.nodeName"))); }, 1},
          {"Nominated Node",
           [](const Object& pod) { return json::value(or_none(text_at(pod, "status.nominatedNodeName"))); }, 1},
          {"Readiness Gates", pod_readiness_gates, 1}};
}

std::vector<Column> service_columns() {
  return {
      name_column(),
      {"Type", [](const Object& service) { return json::value(text_at(service, "spec.type")); }},
      {"Cluster-IP", [](const Object& service) { return json::value(or_none(text_at(service, "spec.clusterIP"))); }},
      {"External-IP", [](const Object& service) { return json::value(external_addresses(service)); }},
      {"Port(s)", service_ports},
      age_column(),
      {"Selector", [](const Object& service) { return json::value(labels_text(object_at(service, "spec.selector"))); },
       1}};
}

std::vector<Column> node_columns() {
  return {
      name_column(),
      {"Status", node_status},
      {"Roles", node_roles},
      age_column(),
      {"Version", [](const Object& node) { return json::value(text_at(node, "status.nodeInfo.kubeletVersion")); }},
      {"Internal-IP", [](const Object& node) { return json::value(node_address(node, "InternalIP")); }, 1},
      {"External-IP", [](const Object& node) { return json::value(node_address(node, "ExternalIP")); }, 1},
      {"OS-Image", [](const Object& node) { return json::value(or_unknown(text_at(node, "status.nodeInfo.osImage"))); },
       1},
      {"Kernel-Version",
       [](const Object& node) { return json::value(or_unknown(text_at(node, "status.nodeInfo.kernelVersion"))); }, 1},
      {"Container-Runtime",
       [](const Object& node) {
         return json::value(or_unknown(text_at(node, "status.nodeInfo.containerRuntimeVersion")));
       },
       1}};
}

std::vector<Column> deployment_columns() {
  return {name_column(),
          {"Ready",
           [](const Object& deployment) {
             return json::value(std::to_string(number_at(deployment, "status.readyReplicas")) + "/" +
                                std::to_string(number_at(deployment, "spec.replicas")));
           }},
          {"Up-to-date",
           [](const Object& deployment) {
             return json::value(std::to_string(number_at(deployment, "status.updatedReplicas")));
           }},
          {"Available",
           [](const Object& deployment) {
             return json::value(std::to_string(number_at(deployment, "status.availableReplicas")));
           }},
          age_column(),
          {"Containers", template_containers, 1},
          {"Images", template_images, 1},
          {"Selector", object_selector, 1}};
}

std::vector<Column> replica_set_columns() {
  return {
      name_column(),
      {"Desired", [](const Object& set) { return json::value(number_at(set, "spec.replicas")); }, 0, "integer"},
      {"Current", [](const Object& set) { return json::value(number_at(set, "status.replicas")); }, 0, "integer"},
      {"Ready", [](const Object& set) { return json::value(number_at(set, "status.readyReplicas")); }, 0, "integer"},
      age_column(),
      {"Containers", template_containers, 1},
      {"Images", template_images, 1},
      {"Selector", object_selector, 1}};
}

std::vector<Column> endpoint_slice_columns() {
  return {name_column(),
          {"AddressType", [](const Object& slice) { return json::value(text_at(slice, "addressType")); }},
          {"Ports", slice_ports},
          {"Endpoints", slice_endpoints},
          age_column()};
}

std::vector<Column> endpoints_columns() {
  return {name_column(), {"Endpoints", endpoints_cell}, age_column()};
}

std::vector<Column> namespace_columns() {
  return {name_column(),
          {"Status", [](const Object& object) { return json::value(text_at(object, "status.phase")); }},
          age_column()};
}

std::vector<Column> event_columns() {
  return {{"Last Seen", last_seen},
          {"Type", [](const Object& event) { return json::value(text_at(event, "type")); }},
          {"Reason", [](const Object& event) { return json::value(text_at(event, "reason")); }},
          {"Object",
           [](const Object& event) {
             std::string kind = text_at(event, "involvedObject.kind");
             std::transform(kind.begin(), kind.end(), kind.begin(), ::tolower);
             return json::value(kind + "/" + text_at(event, "involvedObject.name"));
           }},
          {"Subobject", [](const Object& event) { return json::value(text_at(event, "involvedObject.fieldPath")); }, 1},
          {"Source", [](const Object& event) { return json::value(event_source(event)); }, 1},
          {"Message", [](const Object& event) { return json::value(text_at(event, "message")); }},
          {"First Seen", [](const Object& event) { return json::value(first_seen(event)); }, 1},
          {"Count", [](const Object& event) { return json::value(number_at(event, "count", 1)); }, 1, "integer"},
          {"Name", name_cell, 1}};
}

std::vector<Column> lease_columns() {
  return {name_column(),
          {"Holder", [](const Object& lease) { return json::value(text_at(lease, "spec.holderIdentity")); }},
          age_column()};
}

std::vector<Column> config_map_columns() {
  return {name_column(),
          {"Data",
           [](const Object& map) {
             return json::value(object_at(map, "data").size() + object_at(map, "binaryData").size());
           },
           0, "integer"},
          age_column()};
}

std::vector<Column> secret_columns() {
  return {name_column(),
          {"Type", [](const Object& secret) { return json::value(text_at(secret, "type")); }},
          {"Data", [](const Object& secret) { return json::value(object_at(secret, "data").size()); }, 0, "integer"},
          age_column()};
}

std::vector<Column> service_account_columns() {
  return {
      name_column(),
      {"Secrets", [](const Object& account) { return json::value(array_at(account, "secrets").size()); }, 0, "integer"},
      age_column()};
}

std::vector<Column> network_policy_columns() {
  return {name_column(),
          {"Pod-Selector",
           [](const Object& policy) { return json::value(selector_text(object_at(policy, "spec.podSelector"))); }},
          age_column()};
}

std::vector<Column> service_cidr_columns() {
  return {name_column(),
          {"CIDRs", [](const Object& range) { return json::value(joined(kube::strings_at(range, "spec.cidrs"))); }},
          age_column()};
}

// The same steps as k8s.io/apimachinery/pkg/util/duration.HumanDuration.
std::string human_duration(int64_t seconds) {
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  auto two = [](int64_t high, const char* high_unit, int64_t low, const char* low_unit) {
    std::string text = std::to_string(high) + high_unit;
    return low == 0 ? text : text + std::to_string(low) + low_unit;
  };
  int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24, years = days / 365;
  if (seconds < 60 * 2) return std::to_string(seconds) + "s";
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 60 * 3) return std::to_string(minutes) + "m";
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  if (hours < 24 * 8) return two(days, "d", hours % 24, "h");
  if (days < 365 * 2) return std::to_string(days) + "d";
  if (days < 365 * 8) return two(years, "y", days % 365, "d");
  return std::to_string(years) + "y";
}

Object make_table(const Kind& kind, const std::vector<std::shared_ptr<const Object>>& objects, Object list_metadata,
                  IncludeObject include, bool with_column_definitions) {
  json::array definitions, rows;
  if (with_column_definitions) {
    for (const Column& column : kind.columns) {
      definitions.push_back(Object{{"name", column.name},
                                   {"type", column.type},
                                   {"format", column.name == "Name" ? "name" : ""},
                                   {"description", ""},
                                   {"priority", column.priority}});
    }
  }
  for (const auto& object : objects) {
    json::array cells;
    for (const Column& column : kind.columns) cells.push_back(column.cell(*object));
    Object row{{"cells", std::move(cells)}};
    if (include == IncludeObject::object) row["object"] = *object;
    if (include == IncludeObject::metadata) {
      row["object"] = Object{{"kind", "PartialObjectMetadata"},
                             {"apiVersion", "meta.k8s.io/v1"},
                             {"metadata", object_at(*object, "metadata")}};
    }
    rows.push_back(std::move(row));
  }
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", std::move(list_metadata)},
          {"columnDefinitions", std::move(definitions)},
          {"rows", std::move(rows)}};
}

}  // namespace apiserver
