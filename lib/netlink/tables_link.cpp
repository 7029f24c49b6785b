// Links: what is common to all kinds, and what each kind adds.
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <netinet/in.h>

#include <functional>

#include "lib/netlink/qdisc.h"
#include "lib/netlink/tables_read.h"

namespace netlink {
namespace {

using namespace tables;
using Details = std::map<std::string, std::string>;

const Names flag_names{{IFF_BROADCAST, "BROADCAST"}, {IFF_LOOPBACK, "LOOPBACK"}, {IFF_POINTOPOINT, "POINTOPOINT"},
                       {IFF_NOARP, "NOARP"},         {IFF_PROMISC, "PROMISC"},   {IFF_ALLMULTI, "ALLMULTI"},
                       {IFF_MULTICAST, "MULTICAST"}};
// RFC 2863, in the numbers of <linux/if.h> (IF_OPER_…).
const Names states{{0, "UNKNOWN"}, {1, "NOTPRESENT"}, {2, "DOWN"}, {3, "LOWERLAYERDOWN"},
                   {4, "TESTING"}, {5, "DORMANT"},    {6, "UP"}};
const Names port_states{{0, "disabled"}, {1, "listening"}, {2, "learning"}, {3, "forwarding"}, {4, "blocking"}};
const Names macvlan_modes{{MACVLAN_MODE_PRIVATE, "private"},
                          {MACVLAN_MODE_VEPA, "vepa"},
                          {MACVLAN_MODE_BRIDGE, "bridge"},
                          {MACVLAN_MODE_PASSTHRU, "passthru"},
                          {MACVLAN_MODE_SOURCE, "source"}};

std::string yes_or_no(bool value) {
  return value ? "yes" : "no";
}

template <class Number>
void put_number(Details& details, const char* name, const Attributes& data, int attribute) {
  if (auto value = data.number<Number>(attribute)) details[name] = std::to_string(*value);
}
void put_flag(Details& details, const char* name, const Attributes& data, int attribute) {
  if (auto value = data.number<std::uint8_t>(attribute)) details[name] = yes_or_no(*value != 0);
}
void put_address(Details& details, const char* name, const Attributes& data, int attribute) {
  std::optional<IpAddress> address = data.address(attribute);
  if (address && !address->is_unspecified()) details[name] = address->to_string();
}
// Keys of GRE, and the VXLAN port, are in network byte order.
void put_network_number(Details& details, const char* name, const Attributes& data, int attribute) {
  if (auto value = data.number<std::uint32_t>(attribute); value && *value != 0)
    details[name] = std::to_string(ntohl(*value));
}

Details vxlan(const Attributes& data, const LinkNames& names) {
  Details details;
  put_number<std::uint32_t>(details, "id", data, IFLA_VXLAN_ID);
  put_address(details, "local", data, IFLA_VXLAN_LOCAL);
  put_address(details, "local", data, IFLA_VXLAN_LOCAL6);
  put_address(details, "remote", data, IFLA_VXLAN_GROUP);
  put_address(details, "remote", data, IFLA_VXLAN_GROUP6);
  if (auto link = data.number<std::uint32_t>(IFLA_VXLAN_LINK); link && *link != 0)
    details["dev"] = link_name(names, *link);
  if (auto port = data.number<std::uint16_t>(IFLA_VXLAN_PORT)) details["dstport"] = std::to_string(ntohs(*port));
  put_flag(details, "learning", data, IFLA_VXLAN_LEARNING);
  put_flag(details, "external", data, IFLA_VXLAN_COLLECT_METADATA);
  return details;
}

Details ip_tunnel(const Attributes& data, const LinkNames& names) {
  Details details;
  put_address(details, "local", data, IFLA_IPTUN_LOCAL);
  put_address(details, "remote", data, IFLA_IPTUN_REMOTE);
  put_number<std::uint8_t>(details, "ttl", data, IFLA_IPTUN_TTL);
  if (auto link = data.number<std::uint32_t>(IFLA_IPTUN_LINK); link && *link != 0)
    details["dev"] = link_name(names, *link);
  return details;
}

Details gre_tunnel(const Attributes& data, const LinkNames& names) {
  Details details;
  put_address(details, "local", data, IFLA_GRE_LOCAL);
  put_address(details, "remote", data, IFLA_GRE_REMOTE);
  put_number<std::uint8_t>(details, "ttl", data, IFLA_GRE_TTL);
  put_network_number(details, "ikey", data, IFLA_GRE_IKEY);
  put_network_number(details, "okey", data, IFLA_GRE_OKEY);
  if (auto link = data.number<std::uint32_t>(IFLA_GRE_LINK); link && *link != 0)
    details["dev"] = link_name(names, *link);
  return details;
}

Details vlan(const Attributes& data, const LinkNames&) {
  Details details;
  put_number<std::uint16_t>(details, "id", data, IFLA_VLAN_ID);
  if (auto protocol = data.number<std::uint16_t>(IFLA_VLAN_PROTOCOL)) {
    details["protocol"] = ntohs(*protocol) == 0x88a8 ? "802.1ad" : "802.1Q";
  }
  return details;
}

Details bridge(const Attributes& data, const LinkNames&) {
  Details details;
  put_flag(details, "vlan_filtering", data, IFLA_BR_VLAN_FILTERING);
  if (auto spanning_tree = data.number<std::uint32_t>(IFLA_BR_STP_STATE))
    details["stp"] = yes_or_no(*spanning_tree != 0);
  // Hundredths of a second (USER_HZ).
  if (auto ageing = data.number<std::uint32_t>(IFLA_BR_AGEING_TIME))
    details["ageing"] = fmt::format("{} s", *ageing / 100);
  return details;
}

Details macvlan(const Attributes& data, const LinkNames&) {
  Details details;
  if (auto mode = data.number<std::uint32_t>(IFLA_MACVLAN_MODE)) details["mode"] = name_of(macvlan_modes, *mode);
  return details;
}

Details vrf(const Attributes& data, const LinkNames&) {
  Details details;
  if (auto table = data.number<std::uint32_t>(IFLA_VRF_TABLE)) details["table"] = table_name(*table);
  return details;
}

Details tun(const Attributes& data, const LinkNames&) {
  Details details;
  if (auto type = data.number<std::uint8_t>(IFLA_TUN_TYPE)) details["type"] = *type == 1 ? "tun" : "tap";
  put_flag(details, "persist", data, IFLA_TUN_PERSIST);
  return details;
}

Details details_of(const std::string& kind, const Attributes& data, const LinkNames& names) {
  static const std::map<std::string, std::function<Details(const Attributes&, const LinkNames&)>> readers{
      {"vxlan", vxlan},       {"ipip", ip_tunnel}, {"sit", ip_tunnel}, {"gre", gre_tunnel},
      {"gretap", gre_tunnel}, {"vlan", vlan},      {"bridge", bridge}, {"macvlan", macvlan},
      {"macvtap", macvlan},   {"vrf", vrf},        {"tun", tun}};
  auto reader = readers.find(kind);
  return reader == readers.end() ? Details{} : reader->second(data, names);
}

void read_port(LinkRow& row, const Attributes& port) {
  row.details["port state"] = name_of(port_states, port.number<std::uint8_t>(IFLA_BRPORT_STATE).value_or(0));
  put_flag(row.details, "port hairpin", port, IFLA_BRPORT_MODE);
  put_flag(row.details, "port learning", port, IFLA_BRPORT_LEARNING);
  put_flag(row.details, "port flood", port, IFLA_BRPORT_UNICAST_FLOOD);
}

void read_kind(LinkRow& row, const Attributes& info, const LinkNames& names) {
  row.kind = info.text(IFLA_INFO_KIND);
  if (info.has(IFLA_INFO_DATA)) row.details = details_of(row.kind, Attributes(info.find(IFLA_INFO_DATA)), names);
  if (info.text(IFLA_INFO_SLAVE_KIND) == "bridge" && info.has(IFLA_INFO_SLAVE_DATA)) {
    read_port(row, Attributes(info.find(IFLA_INFO_SLAVE_DATA)));
  }
}

// The other end of a cable, or the link that this one is on top of; one in another namespace has only a number here.
void read_lower(LinkRow& row, const Attributes& attributes, const LinkNames& names) {
  auto index = attributes.number<std::uint32_t>(IFLA_LINK);
  if (!index || *index == 0 || *index == row.index) return;
  bool elsewhere = attributes.has(IFLA_LINK_NETNSID);
  row.details[row.kind == "veth" ? "peer" : "on"] =
      elsewhere ? fmt::format("if{} in another network namespace", *index) : link_name(names, *index);
}

void read_counts(LinkRow& row, const Attributes& attributes) {
  auto counts = attributes.number<rtnl_link_stats64>(IFLA_STATS64);
  if (!counts) return;
  row.received = {counts->rx_packets, counts->rx_bytes, counts->rx_errors, counts->rx_dropped};
  row.sent = {counts->tx_packets, counts->tx_bytes, counts->tx_errors, counts->tx_dropped};
}

LinkRow link_row(nlmsghdr* message, const LinkNames& names) {
  auto* header = static_cast<ifinfomsg*>(nlmsg_data(message));
  Attributes attributes(message, sizeof *header);
  LinkRow row;
  row.index = static_cast<std::uint32_t>(header->ifi_index);
  row.name = attributes.text(IFLA_IFNAME);
  row.mac = attributes.link_address(IFLA_ADDRESS);
  row.mtu = attributes.number<std::uint32_t>(IFLA_MTU).value_or(0);
  row.master = link_name(names, attributes.number<std::uint32_t>(IFLA_MASTER).value_or(0));
  row.up = (header->ifi_flags & IFF_UP) != 0;
  row.carrier = attributes.number<std::uint8_t>(IFLA_CARRIER).value_or(0) != 0;
  row.state = name_of(states, attributes.number<std::uint8_t>(IFLA_OPERSTATE).value_or(0));
  row.flags = names_of_bits(flag_names, header->ifi_flags);
  row.queueing = attributes.text(IFLA_QDISC);
  if (nlattr* list = attributes.find(IFLA_PROP_LIST)) {
    nlattr* name;
    int remaining;
    nla_for_each_nested(name, list, remaining) row.alternative_names.emplace_back(nla_get_string(name));
  }
  if (attributes.has(IFLA_LINKINFO)) read_kind(row, Attributes(attributes.find(IFLA_LINKINFO)), names);
  read_lower(row, attributes, names);
  read_counts(row, attributes);
  return row;
}

}  // namespace

std::vector<LinkRow> read_links(Socket& socket) {
  LinkNames names = link_names(socket);
  Message request(RTM_GETLINK, 0, ifinfomsg{});
  std::vector<LinkRow> rows;
  socket.dump("list links", request, [&](nlmsghdr* message) { rows.push_back(link_row(message, names)); });
  for (LinkRow& row : rows) {
    if (std::optional<Impairment> impairment = find_impairment(socket, row.name)) {
      row.impairment = impairment_words(*impairment);
    }
  }
  return rows;
}

}  // namespace netlink
