#include "agents/controller/caches.h"

namespace controller {

Caches::Caches(kube::Client& client)
    : nodes(client),
      pods(client),
      services(client),
      slices(client),
      replica_sets(client),
      deployments(client),
      leases(client, kube::resources::leases, {"kube-node-lease", {}, {}}) {}

bool Caches::complete() const {
  bool synced = nodes.synced() && pods.synced() && services.synced() && slices.synced() && replica_sets.synced() &&
                deployments.synced() && leases.synced();
  return synced && disconnected.empty();
}

const Object* Caches::find(const kube::Resource& resource, const std::string& key) const {
  const std::string& plural = resource.plural;
  if (plural == kube::resources::nodes.plural) return nodes.raw(key);
  if (plural == kube::resources::pods.plural) return pods.raw(key);
  if (plural == kube::resources::endpoint_slices.plural) return slices.raw(key);
  if (plural == kube::resources::replica_sets.plural) return replica_sets.raw(key);
  if (plural == kube::resources::deployments.plural) return deployments.raw(key);
  return nullptr;
}

}  // namespace controller
