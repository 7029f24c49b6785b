#include "lib/netlink/route.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cstring>

#include "lib/base/error.h"
#include "lib/netlink/link.h"

namespace netlink {
namespace {

std::uint32_t index_of(Socket& socket, const std::string& link) {
  return get_link(socket, link).index;
}

std::optional<IpAddress> address_of(const nlattr* attribute) {
  if (attribute == nullptr) return std::nullopt;
  return IpAddress(nla_len(attribute) == 16 ? AF_INET6 : AF_INET, nla_data(attribute));
}

void change_address(Socket& socket, const std::string& doing, int type, int flags, const std::string& link,
                    const Prefix& address) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(address.address.family());
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = index_of(socket, link);
  if (address.address.is_v6()) header.ifa_flags = IFA_F_NODAD;
  Message message(type, flags, header);
  message.put(IFA_LOCAL, address.address).put(IFA_ADDRESS, address.address);
  socket.request(doing + " " + address.to_string() + " on link " + link, message);
}

std::uint8_t kernel_type(RouteType type) {
  switch (type) {
    case RouteType::unicast:
      return RTN_UNICAST;
    case RouteType::blackhole:
      return RTN_BLACKHOLE;
    case RouteType::unreachable:
      return RTN_UNREACHABLE;
    case RouteType::prohibit:
      return RTN_PROHIBIT;
  }
  return RTN_UNICAST;
}

std::string described(const Route& route) {
  std::string text = route_type_word(route.type);
  if (!text.empty()) text += " ";
  text += route.destination.is_default() ? "default" : route.destination.to_string();
  if (route.via) text += " via " + route.via->to_string();
  if (!route.device.empty()) text += " dev " + route.device;
  if (route.table) text += " table " + std::to_string(*route.table);
  return text;
}

void change_route(Socket& socket, const std::string& doing, int type, int flags, const Route& route) {
  rtmsg header{};
  int family = route.destination.is_default() && route.via ? route.via->family() : route.destination.address.family();
  header.rtm_family = static_cast<std::uint8_t>(family);
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length);
  const std::uint8_t any_type = RTN_UNSPEC, wide_table = RT_TABLE_UNSPEC;
  std::uint32_t table = route.table.value_or(RT_TABLE_MAIN);
  header.rtm_table = table < 256 ? static_cast<std::uint8_t>(table) : wide_table;
  header.rtm_protocol = type == RTM_DELROUTE ? RTPROT_UNSPEC : RTPROT_STATIC;
  bool deleting = type == RTM_DELROUTE;
  bool on_link = !route.via && route.type == RouteType::unicast;
  header.rtm_scope = deleting ? RT_SCOPE_NOWHERE : on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = deleting && route.type == RouteType::unicast ? any_type : kernel_type(route.type);
  if (route.onlink) header.rtm_flags |= RTNH_F_ONLINK;
  Message message(type, flags, header);
  if (route.destination.length > 0) message.put(RTA_DST, route.destination.network().address);
  if (route.via) message.put(RTA_GATEWAY, *route.via);
  if (!route.device.empty()) message.put(RTA_OIF, index_of(socket, route.device));
  if (route.source) message.put(RTA_PREFSRC, *route.source);
  if (route.metric) message.put(RTA_PRIORITY, *route.metric);
  if (table > 255) message.put(RTA_TABLE, table);
  if (route.mtu) {
    auto metrics = message.nest(RTA_METRICS);
    message.put(RTAX_MTU, *route.mtu);
  }
  socket.request(doing + " " + described(route), message);
}

void change_neighbour(Socket& socket, const std::string& doing, int type, int family, std::uint8_t flags,
                      const std::string& link, const IpAddress& address, const std::optional<MacAddress>& mac) {
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(family);
  header.ndm_ifindex = static_cast<int>(index_of(socket, link));
  header.ndm_state = NUD_PERMANENT;
  header.ndm_flags = flags;
  Message message(type, type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0, header);
  message.put(NDA_DST, address);
  if (mac) message.put(NDA_LLADDR, *mac);
  socket.request(doing + " on link " + link, message);
}

}  // namespace

const char* route_type_word(RouteType type) {
  switch (type) {
    case RouteType::unicast:
      return "";
    case RouteType::blackhole:
      return "blackhole";
    case RouteType::unreachable:
      return "unreachable";
    case RouteType::prohibit:
      return "prohibit";
  }
  return "";
}

void add_address(Socket& socket, const std::string& link, const Prefix& address) {
  change_address(socket, "add address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, address);
}

void delete_address(Socket& socket, const std::string& link, const Prefix& address) {
  change_address(socket, "delete address", RTM_DELADDR, 0, link, address);
}

std::optional<AddressInfo> parse_address(nlmsghdr* header) {
  auto* address = static_cast<ifaddrmsg*>(nlmsg_data(header));
  nlattr* attributes[IFA_MAX + 1];
  if (nlmsg_parse(header, sizeof(ifaddrmsg), attributes, IFA_MAX, nullptr) < 0) return std::nullopt;
  nlattr* value = attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
  std::optional<IpAddress> parsed = address_of(value);
  if (!parsed) return std::nullopt;
  return AddressInfo{address->ifa_index, Prefix{*parsed, address->ifa_prefixlen}};
}

std::vector<AddressInfo> list_addresses(Socket& socket) {
  Message message(RTM_GETADDR, 0, ifaddrmsg{});
  std::vector<AddressInfo> addresses;
  socket.dump("list addresses", message, [&](nlmsghdr* header) {
    if (std::optional<AddressInfo> address = parse_address(header)) addresses.push_back(*address);
  });
  return addresses;
}

void add_route(Socket& socket, const Route& route) {
  change_route(socket, "add route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
}

void replace_route(Socket& socket, const Route& route) {
  change_route(socket, "replace route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

void delete_route(Socket& socket, const Route& route) {
  change_route(socket, "delete route", RTM_DELROUTE, 0, route);
}

std::optional<RouteInfo> parse_route(nlmsghdr* header) {
  auto* route = static_cast<rtmsg*>(nlmsg_data(header));
  if (route->rtm_type != RTN_UNICAST || route->rtm_table != RT_TABLE_MAIN) return std::nullopt;
  nlattr* attributes[RTA_MAX + 1];
  if (nlmsg_parse(header, sizeof(rtmsg), attributes, RTA_MAX, nullptr) < 0) return std::nullopt;
  RouteInfo info;
  const std::uint8_t zero[16] = {};
  info.destination.address = address_of(attributes[RTA_DST]).value_or(IpAddress(route->rtm_family, zero));
  info.destination.length = route->rtm_dst_len;
  info.via = address_of(attributes[RTA_GATEWAY]);
  info.onlink = (route->rtm_flags & RTNH_F_ONLINK) != 0;
  if (attributes[RTA_OIF] != nullptr) info.link = nla_get_u32(attributes[RTA_OIF]);
  return info;
}

std::vector<RouteInfo> list_routes(Socket& socket) {
  Message message(RTM_GETROUTE, 0, rtmsg{});
  std::vector<RouteInfo> routes;
  socket.dump("list routes", message, [&](nlmsghdr* header) {
    if (std::optional<RouteInfo> route = parse_route(header)) routes.push_back(*route);
  });
  return routes;
}

void replace_neighbour(Socket& socket, const std::string& link, const IpAddress& address, const MacAddress& mac) {
  change_neighbour(socket, "set neighbour " + address.to_string() + " at " + mac.to_string(), RTM_NEWNEIGH,
                   address.family(), 0, link, address, mac);
}

void delete_neighbour(Socket& socket, const std::string& link, const IpAddress& address) {
  change_neighbour(socket, "delete neighbour " + address.to_string(), RTM_DELNEIGH, address.family(), 0, link, address,
                   std::nullopt);
}

void replace_forwarding_entry(Socket& socket, const std::string& link, const MacAddress& mac,
                              const IpAddress& destination) {
  change_neighbour(socket, "forward " + mac.to_string() + " to " + destination.to_string(), RTM_NEWNEIGH, AF_BRIDGE,
                   NTF_SELF, link, destination, mac);
}

void delete_forwarding_entry(Socket& socket, const std::string& link, const MacAddress& mac,
                             const IpAddress& destination) {
  change_neighbour(socket, "delete the forwarding of " + mac.to_string() + " to " + destination.to_string(),
                   RTM_DELNEIGH, AF_BRIDGE, NTF_SELF, link, destination, mac);
}

std::optional<NeighbourInfo> parse_neighbour(nlmsghdr* header) {
  auto* neighbour = static_cast<ndmsg*>(nlmsg_data(header));
  nlattr* attributes[NDA_MAX + 1];
  if (nlmsg_parse(header, sizeof(ndmsg), attributes, NDA_MAX, nullptr) < 0) return std::nullopt;
  NeighbourInfo info;
  info.family = neighbour->ndm_family;
  info.link = static_cast<std::uint32_t>(neighbour->ndm_ifindex);
  info.permanent = (neighbour->ndm_state & NUD_PERMANENT) != 0;
  info.address = address_of(attributes[NDA_DST]);
  if (attributes[NDA_LLADDR] != nullptr && nla_len(attributes[NDA_LLADDR]) == 6) {
    std::array<std::uint8_t, 6> bytes;
    std::memcpy(bytes.data(), nla_data(attributes[NDA_LLADDR]), bytes.size());
    info.mac = MacAddress(bytes);
  }
  return info;
}

std::vector<NeighbourInfo> list_neighbours(Socket& socket, int family) {
  ndmsg request{};
  request.ndm_family = static_cast<std::uint8_t>(family);
  Message message(RTM_GETNEIGH, 0, request);
  std::vector<NeighbourInfo> neighbours;
  socket.dump("list neighbours", message, [&](nlmsghdr* header) {
    if (std::optional<NeighbourInfo> neighbour = parse_neighbour(header)) neighbours.push_back(*neighbour);
  });
  return neighbours;
}

}  // namespace netlink
