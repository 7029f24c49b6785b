// Addresses, routes and policy rules.
#include <fmt/format.h>
#include <linux/fib_rules.h>

#include "lib/netlink/tables_read.h"

namespace netlink {
namespace {

using namespace tables;

const Names scopes{{RT_SCOPE_UNIVERSE, "global"},
                   {RT_SCOPE_SITE, "site"},
                   {RT_SCOPE_LINK, "link"},
                   {RT_SCOPE_HOST, "host"},
                   {RT_SCOPE_NOWHERE, "nowhere"}};
const Names route_types{{RTN_UNICAST, "unicast"},         {RTN_LOCAL, "local"},         {RTN_BROADCAST, "broadcast"},
                        {RTN_ANYCAST, "anycast"},         {RTN_MULTICAST, "multicast"}, {RTN_BLACKHOLE, "blackhole"},
                        {RTN_UNREACHABLE, "unreachable"}, {RTN_PROHIBIT, "prohibit"},   {RTN_THROW, "throw"}};
// As /etc/iproute2/rt_protos has them.
const Names protocols{{RTPROT_UNSPEC, "unspec"}, {RTPROT_REDIRECT, "redirect"},
                      {RTPROT_KERNEL, "kernel"}, {RTPROT_BOOT, "boot"},
                      {RTPROT_STATIC, "static"}, {RTPROT_RA, "ra"},
                      {RTPROT_DHCP, "dhcp"},     {RTPROT_KEEPALIVED, "keepalived"},
                      {RTPROT_BIRD, "bird"},     {RTPROT_ZEBRA, "zebra"},
                      {RTPROT_BGP, "bgp"},       {RTPROT_OSPF, "ospf"}};
const Names rule_actions{{FR_ACT_TO_TBL, "lookup"},
                         {FR_ACT_GOTO, "goto"},
                         {FR_ACT_NOP, "nop"},
                         {FR_ACT_BLACKHOLE, "blackhole"},
                         {FR_ACT_UNREACHABLE, "unreachable"},
                         {FR_ACT_PROHIBIT, "prohibit"}};
const Names address_flags{{IFA_F_SECONDARY, "secondary"},         {IFA_F_PERMANENT, "permanent"},
                          {IFA_F_TENTATIVE, "tentative"},         {IFA_F_DEPRECATED, "deprecated"},
                          {IFA_F_DADFAILED, "dadfailed"},         {IFA_F_NODAD, "nodad"},
                          {IFA_F_NOPREFIXROUTE, "noprefixroute"}, {IFA_F_MANAGETEMPADDR, "mngtmpaddr"}};

Prefix prefix(const std::optional<IpAddress>& address, int family, unsigned length) {
  const std::uint8_t zero[16] = {};
  return {address.value_or(IpAddress(family, zero)), length};
}

// A host's own address without its length, as ip(8) writes it.
std::string written(const Prefix& prefix) {
  if (prefix.is_default()) return "default";
  return prefix.length == prefix.address.bits() ? prefix.address.to_string() : prefix.to_string();
}

std::string via_text(const std::optional<IpAddress>& via, int family) {
  if (!via) return {};
  // An IPv4 route by an IPv6 neighbour (RFC 5549).
  return fmt::format(" via {}{}", via->family() != family ? "inet6 " : "", via->to_string());
}

// RTA_VIA: a family and an address of it.
std::optional<IpAddress> gateway(const Attributes& attributes) {
  if (std::optional<IpAddress> via = attributes.address(RTA_GATEWAY)) return via;
  nlattr* other = attributes.find(RTA_VIA);
  if (other == nullptr || nla_len(other) < 18) return std::nullopt;
  return IpAddress(AF_INET6, static_cast<const char*>(nla_data(other)) + 2);
}

std::vector<NextHop> next_hops(nlattr* list, const LinkNames& names) {
  std::vector<NextHop> hops;
  auto* hop = static_cast<rtnexthop*>(nla_data(list));
  int remaining = nla_len(list);
  while (RTNH_OK(hop, remaining)) {
    NextHop next;
    next.link = link_name(names, static_cast<std::uint32_t>(hop->rtnh_ifindex));
    next.weight = hop->rtnh_hops + 1u;
    int size = static_cast<int>(hop->rtnh_len - sizeof *hop), left;
    nlattr* attribute;
    nla_for_each_attr(attribute, reinterpret_cast<nlattr*>(RTNH_DATA(hop)), size, left) {
      if (nla_type(attribute) != RTA_GATEWAY) continue;
      next.via = IpAddress(nla_len(attribute) == 16 ? AF_INET6 : AF_INET, nla_data(attribute));
    }
    hops.push_back(next);
    remaining -= static_cast<int>(NLMSG_ALIGN(hop->rtnh_len));
    hop = RTNH_NEXT(hop);
  }
  return hops;
}

RouteRow route_row(nlmsghdr* message, const LinkNames& names) {
  auto* header = static_cast<rtmsg*>(nlmsg_data(message));
  Attributes attributes(message, sizeof *header);
  RouteRow row;
  row.family = header->rtm_family;
  row.type = name_of(route_types, header->rtm_type);
  row.destination = prefix(attributes.address(RTA_DST), header->rtm_family, header->rtm_dst_len);
  row.via = gateway(attributes);
  row.link = link_name(names, attributes.number<std::uint32_t>(RTA_OIF).value_or(0));
  if (attributes.has(RTA_MULTIPATH)) row.next_hops = next_hops(attributes.find(RTA_MULTIPATH), names);
  row.table = table_name(attributes.number<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table));
  row.protocol = name_of(protocols, header->rtm_protocol);
  row.scope = name_of(scopes, header->rtm_scope);
  row.source = attributes.address(RTA_PREFSRC);
  row.metric = attributes.number<std::uint32_t>(RTA_PRIORITY);
  if (attributes.has(RTA_METRICS)) {
    row.mtu = Attributes(attributes.find(RTA_METRICS)).number<std::uint32_t>(RTAX_MTU);
  }
  row.onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0;
  row.flags = names_of_bits({{RTNH_F_DEAD, "dead"}, {RTNH_F_LINKDOWN, "linkdown"}}, header->rtm_flags);
  return row;
}

RuleRow rule_row(nlmsghdr* message) {
  auto* header = static_cast<fib_rule_hdr*>(nlmsg_data(message));
  Attributes attributes(message, sizeof *header);
  RuleRow row;
  row.family = header->family;
  row.priority = attributes.number<std::uint32_t>(FRA_PRIORITY).value_or(0);
  row.inverted = (header->flags & FIB_RULE_INVERT) != 0;
  if (header->src_len > 0) row.from = prefix(attributes.address(FRA_SRC), header->family, header->src_len);
  if (header->dst_len > 0) row.to = prefix(attributes.address(FRA_DST), header->family, header->dst_len);
  row.incoming = attributes.text(FRA_IIFNAME);
  row.outgoing = attributes.text(FRA_OIFNAME);
  row.mark = attributes.number<std::uint32_t>(FRA_FWMARK);
  row.mark_mask = attributes.number<std::uint32_t>(FRA_FWMASK);
  row.action = name_of(rule_actions, header->action);
  row.table = table_name(attributes.number<std::uint32_t>(FRA_TABLE).value_or(header->table));
  return row;
}

}  // namespace

std::vector<AddressRow> read_addresses(Socket& socket) {
  LinkNames names = link_names(socket);
  Message request(RTM_GETADDR, 0, ifaddrmsg{});
  std::vector<AddressRow> rows;
  socket.dump("list addresses", request, [&](nlmsghdr* message) {
    auto* header = static_cast<ifaddrmsg*>(nlmsg_data(message));
    Attributes attributes(message, sizeof *header);
    std::optional<IpAddress> local = attributes.address(IFA_LOCAL), other = attributes.address(IFA_ADDRESS);
    if (!local && !other) return;
    AddressRow row;
    row.link = link_name(names, header->ifa_index);
    row.address = {local ? *local : *other, header->ifa_prefixlen};
    if (local && other && *local != *other) row.peer = other;
    row.scope = name_of(scopes, header->ifa_scope);
    row.label = attributes.text(IFA_LABEL);
    row.flags = names_of_bits(address_flags, attributes.number<std::uint32_t>(IFA_FLAGS).value_or(header->ifa_flags));
    rows.push_back(std::move(row));
  });
  return rows;
}

std::vector<RouteRow> read_routes(Socket& socket) {
  LinkNames names = link_names(socket);
  Message request(RTM_GETROUTE, 0, rtmsg{});
  std::vector<RouteRow> rows;
  socket.dump("list routes", request, [&](nlmsghdr* message) {
    auto* header = static_cast<rtmsg*>(nlmsg_data(message));
    bool ip = header->rtm_family == AF_INET || header->rtm_family == AF_INET6;
    if (ip && (header->rtm_flags & RTM_F_CLONED) == 0) rows.push_back(route_row(message, names));
  });
  return rows;
}

std::string RouteRow::line() const {
  std::string text = type == "unicast" ? "" : type + " ";
  text += written(destination) + via_text(via, family);
  if (!link.empty()) text += " dev " + link;
  if (table != "main") text += " table " + table;
  if (protocol != "boot") text += " proto " + protocol;
  if (scope != "global") text += " scope " + scope;
  if (source) text += " src " + source->to_string();
  if (metric) text += fmt::format(" metric {}", *metric);
  for (const std::string& flag : flags) text += " " + flag;
  if (onlink) text += " onlink";
  if (mtu) text += fmt::format(" mtu {}", *mtu);
  for (const NextHop& hop : next_hops) {
    text += fmt::format(" nexthop{} dev {} weight {}", via_text(hop.via, family), hop.link, hop.weight);
  }
  return text;
}

std::vector<RuleRow> read_rules(Socket& socket) {
  std::vector<RuleRow> rows;
  for (int family : {AF_INET, AF_INET6}) {
    fib_rule_hdr header{};
    header.family = static_cast<std::uint8_t>(family);
    Message request(RTM_GETRULE, 0, header);
    socket.dump("list policy rules", request, [&](nlmsghdr* message) { rows.push_back(rule_row(message)); });
  }
  return rows;
}

std::string RuleRow::line() const {
  std::string text = fmt::format("{}: {}from {}", priority, inverted ? "not " : "", from ? written(*from) : "all");
  if (to) text += " to " + written(*to);
  if (mark) text += fmt::format(" fwmark {:#x}", *mark);
  if (mark && mark_mask && *mark_mask != UINT32_MAX) text += fmt::format("/{:#x}", *mark_mask);
  if (!incoming.empty()) text += " iif " + incoming;
  if (!outgoing.empty()) text += " oif " + outgoing;
  return text + " " + action + (action == "lookup" ? " " + table : "");
}

}  // namespace netlink
