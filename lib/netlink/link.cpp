#include "lib/netlink/link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>

#include <cstring>

#include "lib/base/error.h"

namespace netlink {
namespace {

ifinfomsg header_for(std::uint32_t index) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  return header;
}

void set_flags(Socket& socket, const std::string& doing, const std::string& name, unsigned flags, unsigned mask) {
  ifinfomsg header = header_for(0);
  header.ifi_flags = flags;
  header.ifi_change = mask;
  Message message(RTM_NEWLINK, 0, header);
  message.put(IFLA_IFNAME, name);
  socket.request(doing, message);
}

void set_bridge_port(Socket& socket, const std::string& doing, const std::string& name, int attribute, bool on) {
  ifinfomsg header = header_for(get_link(socket, name).index);
  header.ifi_family = AF_BRIDGE;
  Message message(RTM_SETLINK, 0, header);
  {
    auto port = message.nest(IFLA_PROTINFO | NLA_F_NESTED);
    message.put(attribute, static_cast<std::uint8_t>(on));
  }
  socket.request(doing, message);
}

std::string string_of(const nlattr* attribute) {
  return nla_get_string(attribute);
}

void parse_link_info(nlattr* attribute, LinkInfo& info) {
  nlattr* nested[IFLA_INFO_MAX + 1];
  if (nla_parse_nested(nested, IFLA_INFO_MAX, attribute, nullptr) < 0) return;
  if (nested[IFLA_INFO_KIND] != nullptr) info.kind = string_of(nested[IFLA_INFO_KIND]);
}

void parse_alternative_names(nlattr* list, LinkInfo& info) {
  nlattr* attribute;
  int remaining;
  nla_for_each_nested(attribute, list, remaining) {
    if (nla_type(attribute) == IFLA_ALT_IFNAME) info.alternative_names.push_back(string_of(attribute));
  }
}

}  // namespace

void put_link_attributes(Message& message, const NewLink& link) {
  message.put(IFLA_IFNAME, link.name);
  if (link.mac) message.put(IFLA_ADDRESS, *link.mac);
  if (link.mtu) message.put(IFLA_MTU, *link.mtu);
}

Message new_link_message(const NewLink& link) {
  ifinfomsg header = header_for(0);
  if (link.up) header.ifi_flags |= IFF_UP, header.ifi_change |= IFF_UP;
  if (link.no_arp) header.ifi_flags |= IFF_NOARP, header.ifi_change |= IFF_NOARP;
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, header);
  put_link_attributes(message, link);
  if (link.master) message.put(IFLA_MASTER, *link.master);
  return message;
}

void create_link(Socket& socket, const std::string& kind, const NewLink& link, const Message& message) {
  socket.request("create " + kind + " link " + link.name, message);
  if (!link.alternative_name.empty()) add_alternative_name(socket, link.name, link.alternative_name);
}

void add_alternative_name(Socket& socket, const std::string& name, const std::string& alternative_name) {
  Message message(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, header_for(0));
  message.put(IFLA_IFNAME, name);
  {
    auto list = message.nest(IFLA_PROP_LIST | NLA_F_NESTED);
    message.put(IFLA_ALT_IFNAME, alternative_name);
  }
  socket.request("give link " + name + " the alternative name " + alternative_name, message);
}

LinkInfo parse_link(nlmsghdr* header) {
  auto* link = static_cast<ifinfomsg*>(nlmsg_data(header));
  nlattr* attributes[IFLA_MAX + 1];
  LinkInfo info;
  info.index = static_cast<std::uint32_t>(link->ifi_index);
  info.up = (link->ifi_flags & IFF_UP) != 0;
  if (nlmsg_parse(header, sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr) < 0) return info;
  if (attributes[IFLA_IFNAME] != nullptr) info.name = string_of(attributes[IFLA_IFNAME]);
  if (attributes[IFLA_MTU] != nullptr) info.mtu = nla_get_u32(attributes[IFLA_MTU]);
  if (attributes[IFLA_MASTER] != nullptr) info.master = nla_get_u32(attributes[IFLA_MASTER]);
  if (attributes[IFLA_LINKINFO] != nullptr) parse_link_info(attributes[IFLA_LINKINFO], info);
  if (attributes[IFLA_PROP_LIST] != nullptr) parse_alternative_names(attributes[IFLA_PROP_LIST], info);
  if (attributes[IFLA_ADDRESS] != nullptr && nla_len(attributes[IFLA_ADDRESS]) == 6) {
    std::array<std::uint8_t, 6> bytes;
    std::memcpy(bytes.data(), nla_data(attributes[IFLA_ADDRESS]), bytes.size());
    info.mac = MacAddress(bytes);
  }
  return info;
}

std::optional<LinkInfo> find_link(Socket& socket, const std::string& name) {
  Message message(RTM_GETLINK, 0, header_for(0));
  if (name.size() > max_interface_name) {
    message.put(IFLA_ALT_IFNAME, name);
  } else {
    message.put(IFLA_IFNAME, name);
  }
  std::optional<LinkInfo> found;
  try {
    socket.get("find link " + name, message, [&](nlmsghdr* header) { found = parse_link(header); });
  } catch (const base::Error& error) {
    if (error.error_number() != ENODEV) throw;
  }
  return found;
}

LinkInfo get_link(Socket& socket, const std::string& name) {
  std::optional<LinkInfo> found = find_link(socket, name);
  if (!found) throw base::Error::system("find link " + name, ENODEV);
  return *found;
}

std::vector<LinkInfo> list_links(Socket& socket) {
  Message message(RTM_GETLINK, 0, header_for(0));
  std::vector<LinkInfo> links;
  socket.dump("list links", message, [&](nlmsghdr* header) { links.push_back(parse_link(header)); });
  return links;
}

void set_link_up(Socket& socket, const std::string& name, bool up) {
  set_flags(socket, "set link " + name + (up ? " up" : " down"), name, up ? IFF_UP : 0, IFF_UP);
}

void set_link_mtu(Socket& socket, const std::string& name, std::uint32_t mtu) {
  Message message(RTM_NEWLINK, 0, header_for(0));
  message.put(IFLA_IFNAME, name).put(IFLA_MTU, mtu);
  socket.request("set MTU " + std::to_string(mtu) + " on link " + name, message);
}

void set_link_mac(Socket& socket, const std::string& name, const MacAddress& mac) {
  Message message(RTM_NEWLINK, 0, header_for(0));
  message.put(IFLA_IFNAME, name).put(IFLA_ADDRESS, mac);
  socket.request("set MAC address " + mac.to_string() + " on link " + name, message);
}

void move_link(Socket& socket, const NewLink& link, const base::FileDescriptor& network_namespace) {
  Message message(RTM_NEWLINK, 0, header_for(get_link(socket, link.name).index));
  put_link_attributes(message, link);
  message.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(network_namespace.get()));
  socket.request("move link " + link.name, message);
}

void set_link_master(Socket& socket, const std::string& name, std::uint32_t master) {
  Message message(RTM_NEWLINK, 0, header_for(0));
  message.put(IFLA_IFNAME, name).put(IFLA_MASTER, master);
  socket.request("set the master of link " + name, message);
}

void delete_link(Socket& socket, const std::string& name) {
  Message message(RTM_DELLINK, 0, header_for(0));
  message.put(IFLA_IFNAME, name);
  socket.request("delete link " + name, message);
}

void set_bridge_port_hairpin(Socket& socket, const std::string& name, bool on) {
  set_bridge_port(socket, "set hairpin mode of bridge port " + name, name, IFLA_BRPORT_MODE, on);
}

void set_bridge_port_isolated(Socket& socket, const std::string& name, bool on) {
  set_bridge_port(socket, "set isolation of bridge port " + name, name, IFLA_BRPORT_ISOLATED, on);
}

}  // namespace netlink
