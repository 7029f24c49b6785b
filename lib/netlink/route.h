// Addresses of links, routes, neighbours and forwarding entries of bridges and VXLAN devices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/netlink/address.h"
#include "lib/netlink/socket.h"

namespace netlink {

// Without duplicate address detection in IPv6: a lab's addresses are known to be its own, and the wait is a second.
void add_address(Socket& socket, const std::string& link, const Prefix& address);
void delete_address(Socket& socket, const std::string& link, const Prefix& address);

struct AddressInfo {
  std::uint32_t link = 0;  // index
  Prefix address;
};
std::vector<AddressInfo> list_addresses(Socket& socket);
// Of a message RTM_NEWADDR or RTM_DELADDR, as a subscription delivers it (RTNLGRP_IPV4_IFADDR).
std::optional<AddressInfo> parse_address(nlmsghdr* header);

// What happens to a packet that a route is found for.
enum class RouteType {
  unicast,      // it is sent on
  blackhole,    // it is dropped without a word
  unreachable,  // its sender is told that there is no way
  prohibit,     // its sender is told that it is not allowed
};
// "blackhole", as ip-route(8) has it; empty for unicast.
const char* route_type_word(RouteType type);

struct Route {
  Prefix destination;
  std::optional<IpAddress> via;
  std::string device;  // empty: the kernel finds it by VIA
  std::optional<IpAddress> source;
  bool onlink = false;  // VIA is reachable on DEVICE though no address of it says so
  std::optional<std::uint32_t> metric;
  RouteType type = RouteType::unicast;
  std::optional<std::uint32_t> table = {};  // the main one where not given
  std::optional<std::uint32_t> mtu = {};    // of packets that take it
};
void add_route(Socket& socket, const Route& route);
void replace_route(Socket& socket, const Route& route);
void delete_route(Socket& socket, const Route& route);

struct RouteInfo {
  Prefix destination;
  std::optional<IpAddress> via;
  std::uint32_t link = 0;  // index
  bool onlink = false;
};
// Unicast routes of the main table.
std::vector<RouteInfo> list_routes(Socket& socket);
// Of a message RTM_NEWROUTE or RTM_DELROUTE (RTNLGRP_IPV4_ROUTE); nothing for other routes than list_routes() has.
std::optional<RouteInfo> parse_route(nlmsghdr* header);

// A permanent ARP or NDP entry: ADDRESS is at MAC on LINK.
void replace_neighbour(Socket& socket, const std::string& link, const IpAddress& address, const MacAddress& mac);
void delete_neighbour(Socket& socket, const std::string& link, const IpAddress& address);

// A forwarding entry of a VXLAN device: frames for MAC go to the tunnel end point at DESTINATION.
void replace_forwarding_entry(Socket& socket, const std::string& link, const MacAddress& mac,
                              const IpAddress& destination);
void delete_forwarding_entry(Socket& socket, const std::string& link, const MacAddress& mac,
                             const IpAddress& destination);

struct NeighbourInfo {
  int family = 0;
  std::uint32_t link = 0;  // index
  std::optional<IpAddress> address;
  std::optional<MacAddress> mac;
  bool permanent = false;
};
// FAMILY: AF_INET, AF_INET6, or AF_BRIDGE for forwarding entries (ADDRESS is then the tunnel end point).
std::vector<NeighbourInfo> list_neighbours(Socket& socket, int family);
// Of a message RTM_NEWNEIGH or RTM_DELNEIGH (RTNLGRP_NEIGH), whichever its family.
std::optional<NeighbourInfo> parse_neighbour(nlmsghdr* header);

}  // namespace netlink
