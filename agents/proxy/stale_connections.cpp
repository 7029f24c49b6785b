#include "agents/proxy/stale_connections.h"

#include <netinet/in.h>

namespace proxy {

using netlink::IpAddress;

bool StaleConnections::update(const std::vector<ServicePort>& ports, const std::vector<IpAddress>& node_addresses) {
  std::map<Frontend, std::set<IpAddress>> endpoints;
  for (const ServicePort& port : ports) {
    if (port.protocol != netfilter::Protocol::udp) continue;
    // Policies and readiness do not end a connection that has been made: whoever serves may keep it.
    std::set<IpAddress> serving;
    for (const Endpoint& endpoint : port.endpoints) {
      if (endpoint.serving) serving.insert(endpoint.address);
    }
    if (serving.empty()) continue;
    endpoints[{port.cluster_ip, port.port}] = serving;
    for (const IpAddress& address : port.external_ips) endpoints[{address, port.port}] = serving;
    for (const IpAddress& address : port.load_balancer_ips) endpoints[{address, port.port}] = serving;
    if (port.node_port == 0) continue;
    for (const IpAddress& address : node_addresses) endpoints[{address, port.node_port}] = serving;
  }
  bool changed = endpoints != endpoints_;
  endpoints_ = std::move(endpoints);
  return changed;
}

bool StaleConnections::is_stale(const netfilter::ConntrackEntry& entry) const {
  if (entry.protocol != IPPROTO_UDP) return false;
  auto found = endpoints_.find({entry.original.destination, entry.original.destination_port});
  return found != endpoints_.end() && found->second.count(entry.reply.source) == 0;
}

}  // namespace proxy
