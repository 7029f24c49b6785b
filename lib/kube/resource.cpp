#include "lib/kube/resource.h"

namespace kube {

std::string Resource::path(const std::string& namespace_name, const std::string& name,
                           const std::string& subresource) const {
  std::string result = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (namespaced && !namespace_name.empty()) result += "/namespaces/" + namespace_name;
  result += "/" + plural;
  if (!name.empty()) result += "/" + name;
  if (!subresource.empty()) result += "/" + subresource;
  return result;
}

namespace resources {
const Resource config_maps{"", "v1", "configmaps", "ConfigMap"};
const Resource deployments{"apps", "v1", "deployments", "Deployment"};
const Resource endpoint_slices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"};
const Resource endpoints{"", "v1", "endpoints", "Endpoints"};
const Resource events{"", "v1", "events", "Event"};
const Resource leases{"coordination.k8s.io", "v1", "leases", "Lease"};
const Resource namespaces{"", "v1", "namespaces", "Namespace", false};
const Resource network_policies{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"};
const Resource nodes{"", "v1", "nodes", "Node", false};
const Resource pods{"", "v1", "pods", "Pod"};
const Resource replica_sets{"apps", "v1", "replicasets", "ReplicaSet"};
const Resource secrets{"", "v1", "secrets", "Secret"};
const Resource service_accounts{"", "v1", "serviceaccounts", "ServiceAccount"};
const Resource services{"", "v1", "services", "Service"};
}  // namespace resources

}  // namespace kube
