// What every mode needs to know of a port of a Service: where clients reach it, and who may answer. Made of the objects
// of the API by a pure function, for one family of addresses.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/kube/objects.h"
#include "lib/netfilter/protocol.h"
#include "lib/netlink/address.h"

namespace proxy {

enum class Family : std::uint8_t { ipv4, ipv6 };
Family family_of(const netlink::IpAddress& address);
const char* to_string(Family family);  // "IPv4", as Kubernetes writes it

struct Endpoint {
  netlink::IpAddress address;
  std::uint16_t port = 0;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  bool local = false;              // on this node
  std::vector<std::string> zones;  // topology hints: those it is meant for
};

struct ServicePort {
  std::string service;  // "default/web"
  std::string name;     // "default/web:http", as kube-proxy names it in comments and logs
  netfilter::Protocol protocol = netfilter::Protocol::tcp;
  netlink::IpAddress cluster_ip;
  std::uint16_t port = 0;
  std::uint16_t node_port = 0;  // 0: none
  std::vector<netlink::IpAddress> external_ips;
  std::vector<netlink::IpAddress> load_balancer_ips;
  bool restricts_sources = false;  // whether only SOURCE_RANGES may use the load balancer's addresses
  std::vector<netlink::Prefix> source_ranges;
  std::optional<std::uint32_t> affinity_seconds;  // ClientIP affinity
  bool internal_local = false;                    // internalTrafficPolicy
  bool external_local = false;                    // externalTrafficPolicy
  std::uint16_t health_check_node_port = 0;
  std::vector<Endpoint> endpoints;  // by address and port, each once

  bool externally_accessible() const { return node_port != 0 || !external_ips.empty() || !load_balancer_ips.empty(); }
};

using Services = std::map<std::string, kube::Service>;  // by "namespace/name"
using Slices = std::map<std::string, kube::EndpointSlice>;

// In the order of their names. Headless Services, ExternalNames, and those without an address of FAMILY have none.
// Endpoints on NODE_NAME are the local ones.
std::vector<ServicePort> service_ports(const Services& services, const Slices& slices, const std::string& node_name,
                                       Family family);

// The endpoints that a new connection may go to, by traffic policy: those that are ready, or, where none is, those that
// still serve while they terminate (KEP-1669). Cluster: of those that are ready, the ones meant for ZONE where all of
// them carry hints and one is meant for it.
std::vector<Endpoint> cluster_endpoints(const ServicePort& port, const std::string& zone);
std::vector<Endpoint> local_endpoints(const ServicePort& port);

}  // namespace proxy
