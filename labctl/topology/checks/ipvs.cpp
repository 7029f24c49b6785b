#include <fmt/format.h>

#include <set>
#include <tuple>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

void check_server(const IpvsService& service, const IpvsServer& server, Faults& faults) {
  if (server.address.family() != service.address.family() && service.forward != Forwarding::tun) {
    faults.add(server.at, fmt::format("server {} and service {} are of different IP versions, only forward: tun can",
                                      server.address.to_string(), service.address.to_string()));
  }
  // Only NAT rewrites ports: DR and TUN deliver the packet as the client sent it.
  if (service.forward != Forwarding::nat && server.port != service.port) {
    faults.add(server.at, fmt::format("port {} differs from the service's {}: only forward: nat rewrites ports",
                                      server.port, service.port));
  }
}

void check_service(const IpvsService& service, Faults& faults) {
  std::set<std::pair<IpAddress, std::uint16_t>> seen;
  for (const IpvsServer& server : service.servers) {
    check_server(service, server, faults);
    if (seen.insert({server.address, server.port}).second) continue;
    faults.add(server.at, fmt::format("server {}:{} is listed twice, remove one or give it a weight",
                                      server.address.to_string(), server.port));
  }
  // The kernel counts it in seconds.
  if (service.persistent && service.persistent->count() % 1000 != 0) {
    faults.add(service.at, "\"persistent\" is counted in whole seconds, write 1s or more");
  }
}

}  // namespace

void check_ipvs(const Node& node, Faults& faults) {
  std::set<std::tuple<std::string, IpAddress, std::uint16_t>> seen;
  for (const IpvsService& service : node.ipvs) {
    if (service.port == 0) continue;  // refused already
    check_service(service, faults);
    if (seen.insert({service.protocol, service.address, service.port}).second) continue;
    faults.add(service.at, fmt::format("virtual service {}://{}:{} is declared twice, remove one", service.protocol,
                                       service.address.to_string(), service.port));
  }
}

}  // namespace topology
