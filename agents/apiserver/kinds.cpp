#include <algorithm>

#include "agents/apiserver/columns.h"
#include "agents/apiserver/defaults.h"
#include "agents/apiserver/kind.h"
#include "agents/apiserver/validation.h"
#include "lib/base/error.h"

namespace apiserver {
namespace {

void rename(Object& object, const char* from, const char* to) {
  boost::json::value* value = object.if_contains(from);
  if (value == nullptr) return;
  boost::json::value moved = std::move(*value);
  object.erase(from);
  object[to] = std::move(moved);
}

constexpr struct {
  const char* core;
  const char* group;
} event_fields[] = {{"involvedObject", "regarding"},
                    {"message", "note"},
                    {"reportingComponent", "reportingController"},
                    {"source", "deprecatedSource"},
                    {"firstTimestamp", "deprecatedFirstTimestamp"},
                    {"lastTimestamp", "deprecatedLastTimestamp"},
                    {"count", "deprecatedCount"}};

// events.k8s.io/v1 and core v1 are two views of the same events; they are stored as core ones.
void event_to_core(Object& event) {
  for (const auto& field : event_fields) rename(event, field.group, field.core);
  event["apiVersion"] = "v1";
}

void event_from_core(Object& event) {
  for (const auto& field : event_fields) rename(event, field.core, field.group);
  event["apiVersion"] = "events.k8s.io/v1";
}

std::vector<Kind> make_kinds() {
  namespace r = kube::resources;
  return {
      {.resource = r::config_maps, .singular = "configmap", .short_names = {"cm"}, .columns = config_map_columns()},
      {.resource = r::endpoints, .singular = "endpoints", .short_names = {"ep"}, .columns = endpoints_columns()},
      {.resource = r::events, .singular = "event", .short_names = {"ev"}, .columns = event_columns()},
      {.resource = r::namespaces,
       .singular = "namespace",
       .short_names = {"ns"},
       .has_status = true,
       .keeps_status = true,
       .other_subresources = {"finalize"},
       .set_defaults = default_namespace,
       .columns = namespace_columns()},
      {.resource = r::nodes,
       .singular = "node",
       .short_names = {"no"},
       .has_status = true,
       .keeps_status = true,
       .validate = validate_node,
       .columns = node_columns()},
      {.resource = r::pods,
       .singular = "pod",
       .short_names = {"po"},
       .has_status = true,
       .other_subresources = {"attach", "binding", "eviction", "exec", "log", "portforward"},
       .set_defaults = default_pod,
       .validate = validate_pod,
       .columns = pod_columns()},
      {.resource = r::secrets, .singular = "secret", .set_defaults = default_secret, .columns = secret_columns()},
      {.resource = r::service_accounts,
       .singular = "serviceaccount",
       .short_names = {"sa"},
       .columns = service_account_columns()},
      {.resource = r::services,
       .singular = "service",
       .short_names = {"svc"},
       .has_status = true,
       .set_defaults = default_service,
       .validate = validate_service,
       .columns = service_columns()},
      {.resource = r::deployments,
       .singular = "deployment",
       .short_names = {"deploy"},
       .has_status = true,
       .has_scale = true,
       .has_generation = true,
       .set_defaults = default_deployment,
       .validate = validate_deployment,
       .columns = deployment_columns()},
      {.resource = r::replica_sets,
       .singular = "replicaset",
       .short_names = {"rs"},
       .has_status = true,
       .has_scale = true,
       .has_generation = true,
       .set_defaults = default_replica_set,
       .validate = validate_replica_set,
       .columns = replica_set_columns()},
      {.resource = r::endpoint_slices,
       .singular = "endpointslice",
       .has_generation = true,
       .set_defaults = default_endpoint_slice,
       .validate = validate_endpoint_slice,
       .columns = endpoint_slice_columns()},
      {.resource = {"events.k8s.io", "v1", "events", "Event"},
       .singular = "event",
       .short_names = {"ev"},
       .columns = event_columns(),
       .stored_as = "events",
       .to_stored = event_to_core,
       .from_stored = event_from_core},
      {.resource = r::leases, .singular = "lease", .columns = lease_columns()},
      {.resource = r::network_policies,
       .singular = "networkpolicy",
       .short_names = {"netpol"},
       .has_generation = true,
       .set_defaults = default_network_policy,
       .columns = network_policy_columns()},
      {.resource = {"networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", false},
       .singular = "servicecidr",
       .has_status = true,
       .columns = service_cidr_columns()},
  };
}

}  // namespace

std::string Kind::qualified_name() const {
  return resource.group.empty() ? resource.plural : resource.plural + "." + resource.group;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = make_kinds();
  return table;
}

const Kind* find_kind(std::string_view group, std::string_view version, std::string_view plural) {
  auto found = std::find_if(kinds().begin(), kinds().end(), [&](const Kind& kind) {
    return kind.resource.plural == plural && kind.resource.group == group && kind.resource.version == version;
  });
  return found == kinds().end() ? nullptr : &*found;
}

const Kind& kind_of_collection(std::string_view collection) {
  auto found = std::find_if(kinds().begin(), kinds().end(),
                            [&](const Kind& kind) { return kind.qualified_name() == collection; });
  if (found == kinds().end()) throw base::Error("there is no kind \"" + std::string(collection) + "\"");
  return *found;
}

}  // namespace apiserver
