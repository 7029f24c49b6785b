#include "agents/proxy/settings.h"

#include <algorithm>
#include <utility>

namespace proxy {
namespace {

using netlink::IpAddress;

std::optional<IpAddress> node_ip(const ClusterView& cluster, Family family) {
  auto found = std::find_if(cluster.node_ips.begin(), cluster.node_ips.end(),
                            [&](const IpAddress& address) { return family_of(address) == family; });
  return found == cluster.node_ips.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

Settings settings_of(const Options& options, const ClusterView& cluster, Family family) {
  Settings settings;
  settings.family = family;
  settings.masquerade_all = options.masquerade_all;
  settings.masquerade_mark = options.masquerade_mark;
  for (const netlink::Prefix& range : options.cluster_cidrs) {
    if (family_of(range.address) == family) settings.cluster_cidr = range;
  }
  settings.node_port_addresses = options.node_port_addresses;
  if (auto ip = node_ip(cluster, family); ip && options.node_ports_on_node_ip_alone) {
    settings.node_port_addresses = {{*ip, ip->bits()}};
  }
  return settings;
}

NodeView node_view(const ClusterView& cluster, std::vector<IpAddress> addresses, Family family) {
  return {cluster.zone, node_ip(cluster, family), std::move(addresses)};
}

}  // namespace proxy
