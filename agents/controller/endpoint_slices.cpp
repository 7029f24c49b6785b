#include "agents/controller/endpoint_slices.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>
#include <vector>

#include "agents/controller/names.h"
#include "agents/controller/ownership.h"
#include "agents/controller/service_endpoints.h"

namespace controller {
namespace {

namespace json = boost::json;

constexpr const char* name_label = "kubernetes.io/service-name";
constexpr const char* manager_label = "endpointslice.kubernetes.io/managed-by";
constexpr const char* headless_label = "service.kubernetes.io/headless";
constexpr const char* manager = "endpointslice-controller.k8s.io";
const kube::Resource& resource = kube::resources::endpoint_slices;

// A slice as it should be; EXISTING is null for a new one.
struct PlannedSlice {
  const kube::EndpointSlice* existing = nullptr;
  Ports ports;
  Endpoints endpoints;
};

bool same_target(const kube::Endpoint& left, const kube::Endpoint& right) {
  return left.target_uid == right.target_uid && left.addresses == right.addresses;
}

// Moves those of WANTED that are in SLICE already to the front of its plan.
PlannedSlice keep_in_place(const kube::EndpointSlice& slice, Endpoints& wanted) {
  PlannedSlice plan;
  plan.existing = &slice;
  for (const kube::Endpoint& present : slice.endpoints) {
    auto found = std::find_if(wanted.begin(), wanted.end(),
                              [&](const kube::Endpoint& endpoint) { return same_target(endpoint, present); });
    if (found == wanted.end()) continue;
    plan.endpoints.push_back(std::move(*found));
    wanted.erase(found);
  }
  return plan;
}

void fill(PlannedSlice& plan, Endpoints& wanted) {
  size_t room = most_endpoints_in_a_slice - std::min(plan.endpoints.size(), most_endpoints_in_a_slice);
  auto end = wanted.begin() + static_cast<std::ptrdiff_t>(std::min(room, wanted.size()));
  std::move(wanted.begin(), end, std::back_inserter(plan.endpoints));
  wanted.erase(wanted.begin(), end);
}

Ports sorted(Ports ports) {
  std::sort(ports.begin(), ports.end());
  return ports;
}

// The slices of one family. EXISTING ones that are not in the plan are not needed any more.
std::vector<PlannedSlice> plan_slices(std::map<Ports, Endpoints> wanted,
                                      std::vector<const kube::EndpointSlice*> existing) {
  std::vector<PlannedSlice> plans;
  if (wanted.empty()) wanted[{}] = {};
  for (auto& [ports, endpoints] : wanted) {
    for (auto at = existing.begin(); at != existing.end();) {
      PlannedSlice plan;
      if (sorted((*at)->ports) == ports) plan = keep_in_place(**at, endpoints);
      if (plan.endpoints.empty()) {
        ++at;
        continue;
      }
      plan.ports = ports;
      plans.push_back(std::move(plan));
      at = existing.erase(at);
    }
    for (PlannedSlice& plan : plans) {
      if (plan.ports == ports) fill(plan, endpoints);
    }
  }
  // What is left goes into slices that have become empty, or new ones.
  for (auto& [ports, endpoints] : wanted) {
    bool placeholder = plans.empty() && wanted.size() == 1;
    while (!endpoints.empty() || placeholder) {
      PlannedSlice plan;
      plan.ports = ports;
      if (!existing.empty()) {
        plan.existing = existing.front();
        existing.erase(existing.begin());
      }
      fill(plan, endpoints);
      plans.push_back(std::move(plan));
      placeholder = false;
    }
  }
  return plans;
}

Object endpoint_object(const kube::Endpoint& endpoint) {
  Object object{
      {"addresses", json::array(endpoint.addresses.begin(), endpoint.addresses.end())},
      {"conditions",
       Object{{"ready", endpoint.ready}, {"serving", endpoint.serving}, {"terminating", endpoint.terminating}}}};
  if (!endpoint.hostname.empty()) object["hostname"] = endpoint.hostname;
  if (!endpoint.node_name.empty()) object["nodeName"] = endpoint.node_name;
  object["targetRef"] = Object{{"kind", endpoint.target_kind},
                               {"namespace", endpoint.target_namespace},
                               {"name", endpoint.target_name},
                               {"uid", endpoint.target_uid}};
  if (!endpoint.zone.empty()) object["zone"] = endpoint.zone;
  return object;
}

json::array ports_array(const Ports& ports) {
  json::array array;
  for (const kube::EndpointPort& port : ports) {
    array.push_back(Object{{"name", port.name}, {"port", port.port}, {"protocol", port.protocol}});
  }
  return array;
}

json::array endpoints_array(const Endpoints& endpoints) {
  json::array array;
  for (const kube::Endpoint& endpoint : endpoints) array.push_back(endpoint_object(endpoint));
  return array;
}

// Those of the Service, and those by which proxies find and pick slices.
kube::StringMap labels_of(const kube::Service& service) {
  kube::StringMap labels = service.metadata.labels;
  labels[name_label] = service.metadata.name;
  labels[manager_label] = manager;
  labels.erase(headless_label);
  if (service.headless()) labels[headless_label] = "";
  return labels;
}

class SliceReconciliation {
 public:
  SliceReconciliation(const kube::Service& service, const Pods& pods, const Nodes& nodes, const Slices& slices,
                      std::vector<const kube::EndpointSlice*> ours)
      : service_(service), pods_(pods), nodes_(nodes), slices_(slices), ours_(std::move(ours)) {}

  Decision decide() {
    for (const std::string& family : families_of(service_)) plan_family(family);
    for (const kube::EndpointSlice* slice : ours_) {
      if (kept_.count(slice) == 0) delete_slice(*slice);
    }
    return std::move(decision_);
  }

 private:
  void plan_family(const std::string& family) {
    std::vector<const kube::EndpointSlice*> existing;
    for (const kube::EndpointSlice* slice : ours_) {
      bool usable = slice->address_type == family && managed_by(slice->metadata, service_.metadata.uid);
      if (usable) existing.push_back(slice);
    }
    for (const PlannedSlice& plan : plan_slices(wanted_endpoints(service_, family, pods_, nodes_), existing)) {
      if (plan.existing == nullptr) {
        create_slice(family, plan);
      } else {
        kept_.insert(plan.existing);
        update_slice(plan);
      }
    }
  }

  // Names depend on the Service alone, so that a slice that was made is not made again before we have seen it.
  std::string new_name(const std::string& family) {
    for (unsigned number = 0;; ++number) {
      std::string name = service_.metadata.name + "-" +
                         stable_suffix(service_.metadata.uid + "/" + family + "/" + std::to_string(number));
      bool taken = slices_.count(service_.metadata.namespace_name + "/" + name) > 0;
      if (!taken && names_.insert(name).second) return name;
    }
  }

  void create_slice(const std::string& family, const PlannedSlice& plan) {
    std::string name = new_name(family);
    Object labels;
    for (const auto& [key, value] : labels_of(service_)) labels[key] = value;
    Object metadata{{"name", name},
                    {"generateName", service_.metadata.name + "-"},
                    {"namespace", service_.metadata.namespace_name},
                    {"labels", std::move(labels)},
                    {"ownerReferences", json::array{owner_reference(kube::resources::services, service_.metadata)}}};
    Object slice{{"metadata", std::move(metadata)},
                 {"addressType", family},
                 {"ports", ports_array(plan.ports)},
                 {"endpoints", endpoints_array(plan.endpoints)}};
    decision_.changes.push_back(create(resource, std::move(slice), summary("create " + name, plan.endpoints)));
  }

  void update_slice(const PlannedSlice& plan) {
    const kube::EndpointSlice& before = *plan.existing;
    kube::StringMap labels = labels_of(service_);
    bool same =
        sorted(before.ports) == plan.ports && before.endpoints == plan.endpoints && before.metadata.labels == labels;
    if (same) return;
    Object changed_labels;
    for (const auto& [key, value] : before.metadata.labels) changed_labels[key] = nullptr;
    for (const auto& [key, value] : labels) changed_labels[key] = value;
    Object body{{"metadata", Object{{"labels", std::move(changed_labels)}}},
                {"ports", ports_array(plan.ports)},
                {"endpoints", endpoints_array(plan.endpoints)}};
    Change change =
        patch(resource, before.metadata, std::move(body), summary("update " + before.metadata.name, plan.endpoints));
    change.patch_type = kube::PatchType::merge;
    decision_.changes.push_back(std::move(change));
  }

  void delete_slice(const kube::EndpointSlice& slice) {
    if (slice.metadata.deletion_timestamp) return;
    decision_.changes.push_back(
        remove(resource, slice.metadata, "service " + service_.metadata.key() + ": delete " + slice.metadata.name));
  }

  std::string summary(const std::string& what, const Endpoints& endpoints) const {
    auto ready = std::count_if(endpoints.begin(), endpoints.end(),
                               [](const kube::Endpoint& endpoint) { return endpoint.ready; });
    return "service " + service_.metadata.key() + ": " + what + ": " + std::to_string(ready) + " of " +
           std::to_string(endpoints.size()) + " endpoints are ready";
  }

  const kube::Service& service_;
  const Pods& pods_;
  const Nodes& nodes_;
  const Slices& slices_;
  const std::vector<const kube::EndpointSlice*> ours_;
  std::set<const kube::EndpointSlice*> kept_;
  std::set<std::string> names_;
  Decision decision_;
};

std::vector<const kube::EndpointSlice*> our_slices(const std::string& service_key, const Slices& slices) {
  std::vector<const kube::EndpointSlice*> ours;
  for (const auto& [key, slice] : slices) {
    auto its_manager = slice.metadata.labels.find(manager_label);
    bool managed = its_manager != slice.metadata.labels.end() && its_manager->second == manager;
    if (managed && slice.metadata.namespace_name + "/" + slice.service_name == service_key) ours.push_back(&slice);
  }
  return ours;
}

}  // namespace

Decision reconcile_slices(const std::string& service_key, const kube::Service* service, const Pods& pods,
                          const Nodes& nodes, const Slices& slices) {
  std::vector<const kube::EndpointSlice*> ours = our_slices(service_key, slices);
  if (service == nullptr) {
    Decision decision;
    for (const kube::EndpointSlice* slice : ours) {
      decision.changes.push_back(
          remove(resource, slice->metadata, "service " + service_key + " is gone: delete " + slice->metadata.name));
    }
    return decision;
  }
  bool leave_alone =
      service->selector.empty() || service->type == "ExternalName" || service->metadata.deletion_timestamp;
  if (leave_alone) return {};
  return SliceReconciliation(*service, pods, nodes, slices, std::move(ours)).decide();
}

}  // namespace controller
