#include "agents/apiserver/endpoints.h"

#include <boost/json/array.hpp>

namespace apiserver {
namespace {

namespace json = boost::json;
using kube::text_at;

constexpr const char* slices = "endpointslices.discovery.k8s.io";
constexpr const char* service_label = "kubernetes.io/service-name";
// What the real controller marks its own with.
constexpr const char* manager_label = "endpoints.kubernetes.io/managed-by";

std::string label_at(const Object& object, const char* label) {
  const json::value* value = kube::object_at(object, "metadata.labels").if_contains(label);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->get_string());
}

bool has_selector(const Object& service) {
  return text_at(service, "spec.type") != "ExternalName" && !kube::object_at(service, "spec.selector").empty();
}

json::array addresses_of(const Object& slice, bool ready) {
  json::array addresses;
  for (const json::value& element : kube::array_at(slice, "endpoints")) {
    if (!element.is_object()) continue;
    const Object& endpoint = element.get_object();
    if (kube::flag_at(endpoint, "conditions.ready", true) != ready) continue;
    for (const std::string& ip : kube::strings_at(endpoint, "addresses")) {
      Object address{{"ip", ip}};
      for (const char* field : {"nodeName", "targetRef", "hostname"}) {
        if (const json::value* value = endpoint.if_contains(field)) address[field] = *value;
      }
      addresses.push_back(std::move(address));
    }
  }
  return addresses;
}

void add_subset(const Object& slice, json::array& subsets) {
  json::array ready = addresses_of(slice, true), not_ready = addresses_of(slice, false);
  json::array ports = kube::array_at(slice, "ports");
  for (json::value& port : ports) {
    if (port.is_object() && text_at(port.get_object(), "name").empty()) port.get_object().erase("name");
  }
  if (ready.empty() && not_ready.empty()) return;
  Object subset;
  if (!ready.empty()) subset["addresses"] = std::move(ready);
  if (!not_ready.empty()) subset["notReadyAddresses"] = std::move(not_ready);
  if (!ports.empty()) subset["ports"] = std::move(ports);
  subsets.push_back(std::move(subset));
}

}  // namespace

std::string service_of(const Kind& kind, const Object* object) {
  if (object == nullptr) return {};
  if (kind.collection() == "services" || kind.collection() == "endpoints") return kube::key_of(*object);
  if (kind.collection() != slices) return {};
  std::string name = label_at(*object, service_label);
  return name.empty() ? name : text_at(*object, "metadata.namespace") + "/" + name;
}

std::optional<Object> derive_endpoints(const Store& store, const std::string& key, const Object* old) {
  ObjectPointer service = store.get("services", key);
  if (!service) return std::nullopt;
  bool any = false;
  json::array subsets;
  const Kind& slice_kind = kind_of_collection(slices);
  const auto& all = store.list(slices);
  std::string space = text_at(*service, "metadata.namespace") + "/";
  for (auto slice = all.lower_bound(space); slice != all.end() && slice->first.starts_with(space); ++slice) {
    if (service_of(slice_kind, slice->second.get()) != key) continue;
    any = true;
    add_subset(*slice->second, subsets);
  }
  bool by_hand = old != nullptr && label_at(*old, manager_label).empty();
  if (!has_selector(*service) && by_hand) return *old;
  if (!has_selector(*service) && !any) return std::nullopt;
  Object labels = kube::object_at(*service, "metadata.labels");
  labels[manager_label] = "endpoint-controller";
  return Object{{"metadata", Object{{"name", text_at(*service, "metadata.name")}, {"labels", std::move(labels)}}},
                {"subsets", std::move(subsets)}};
}

}  // namespace apiserver
