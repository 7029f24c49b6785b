#include "lib/netlink/links/vxlan.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "lib/base/error.h"

namespace netlink {
namespace {

std::optional<Vxlan> parse_vxlan(nlmsghdr* header) {
  nlattr* attributes[IFLA_MAX + 1];
  nlattr* info[IFLA_INFO_MAX + 1];
  nlattr* data[IFLA_VXLAN_MAX + 1];
  if (nlmsg_parse(header, sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr) < 0) return std::nullopt;
  if (attributes[IFLA_LINKINFO] == nullptr) return std::nullopt;
  if (nla_parse_nested(info, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], nullptr) < 0) return std::nullopt;
  if (info[IFLA_INFO_KIND] == nullptr || nla_strcmp(info[IFLA_INFO_KIND], "vxlan") != 0) return std::nullopt;
  if (info[IFLA_INFO_DATA] == nullptr) return std::nullopt;
  if (nla_parse_nested(data, IFLA_VXLAN_MAX, info[IFLA_INFO_DATA], nullptr) < 0) return std::nullopt;
  Vxlan vxlan;
  if (data[IFLA_VXLAN_ID] != nullptr) vxlan.vni = nla_get_u32(data[IFLA_VXLAN_ID]);
  if (data[IFLA_VXLAN_PORT] != nullptr) vxlan.port = ntohs(nla_get_u16(data[IFLA_VXLAN_PORT]));
  if (data[IFLA_VXLAN_LOCAL] != nullptr) vxlan.local = IpAddress(AF_INET, nla_data(data[IFLA_VXLAN_LOCAL]));
  if (data[IFLA_VXLAN_LOCAL6] != nullptr) vxlan.local = IpAddress(AF_INET6, nla_data(data[IFLA_VXLAN_LOCAL6]));
  if (data[IFLA_VXLAN_LINK] != nullptr) vxlan.device = nla_get_u32(data[IFLA_VXLAN_LINK]);
  if (data[IFLA_VXLAN_LEARNING] != nullptr) vxlan.learning = nla_get_u8(data[IFLA_VXLAN_LEARNING]) != 0;
  return vxlan;
}

}  // namespace

void create_vxlan(Socket& socket, const NewLink& link, const Vxlan& vxlan) {
  Message message = new_link_message(link);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("vxlan"));
    auto data = message.nest(IFLA_INFO_DATA);
    message.put(IFLA_VXLAN_ID, vxlan.vni);
    message.put(IFLA_VXLAN_LEARNING, static_cast<std::uint8_t>(vxlan.learning));
    if (vxlan.port != 0) message.put(IFLA_VXLAN_PORT, static_cast<std::uint16_t>(htons(vxlan.port)));
    if (vxlan.local) message.put(vxlan.local->is_v6() ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, *vxlan.local);
    if (vxlan.device) message.put(IFLA_VXLAN_LINK, *vxlan.device);
  }
  create_link(socket, "vxlan", link, message);
}

std::optional<Vxlan> find_vxlan(Socket& socket, const std::string& name) {
  Message message(RTM_GETLINK, 0, ifinfomsg{});
  message.put(IFLA_IFNAME, name);
  std::optional<Vxlan> found;
  try {
    socket.get("find link " + name, message, [&](nlmsghdr* header) { found = parse_vxlan(header); });
  } catch (const base::Error& error) {
    if (error.error_number() != ENODEV) throw;
  }
  return found;
}

}  // namespace netlink
