// Names of the kinds of objects, as URLs and manifests have them.
#pragma once

#include <string>

namespace kube {

struct Resource {
  std::string group;  // empty for the core group
  std::string version;
  std::string plural;
  std::string kind;
  bool namespaced = true;

  // "v1" or "apps/v1".
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  // "/api/v1/namespaces/default/pods/web" and its like; an empty NAMESPACE means all of them, an empty NAME the list.
  std::string path(const std::string& namespace_name, const std::string& name = {},
                   const std::string& subresource = {}) const;
};

namespace resources {
extern const Resource config_maps;
extern const Resource deployments;
extern const Resource endpoint_slices;
extern const Resource endpoints;
extern const Resource events;
extern const Resource leases;
extern const Resource namespaces;
extern const Resource network_policies;
extern const Resource nodes;
extern const Resource pods;
extern const Resource replica_sets;
extern const Resource secrets;
extern const Resource service_accounts;
extern const Resource services;
}  // namespace resources

}  // namespace kube
