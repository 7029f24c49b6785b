#include "lib/netlink/links/bridge.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

namespace netlink {
namespace {

constexpr std::uint16_t first_vlan = 1;

// TYPE: RTM_SETLINK adds the VLAN, RTM_DELLINK takes it away.
void change_vlan(Socket& socket, int type, const std::string& name, std::uint16_t id, std::uint16_t flags,
                 VlansOf whose) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = static_cast<int>(get_link(socket, name).index);
  Message message(type, 0, header);
  {
    auto bridge = message.nest(IFLA_AF_SPEC);
    if (whose == VlansOf::bridge) message.put(IFLA_BRIDGE_FLAGS, std::uint16_t{BRIDGE_FLAGS_SELF});
    bridge_vlan_info vlan{flags, id};
    message.put_bytes(IFLA_BRIDGE_VLAN_INFO, &vlan, sizeof vlan);
  }
  const char* doing = type == RTM_SETLINK ? "add VLAN " : "take VLAN ";
  const char* where = type == RTM_SETLINK ? " to link " : " from link ";
  socket.request(doing + std::to_string(id) + where + name, message);
}

}  // namespace

void create_bridge(Socket& socket, const NewLink& link, VlanFiltering filtering) {
  Message message = new_link_message(link);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("bridge"));
    auto data = message.nest(IFLA_INFO_DATA);
    message.put(IFLA_BR_STP_STATE, std::uint32_t{0});
    message.put(IFLA_BR_FORWARD_DELAY, std::uint32_t{0});
    message.put(IFLA_BR_MCAST_SNOOPING, std::uint8_t{0});
    if (filtering == VlanFiltering::on) message.put(IFLA_BR_VLAN_FILTERING, std::uint8_t{1});
  }
  create_link(socket, "bridge", link, message);
}

void set_port_vlans(Socket& socket, const std::string& name, const PortVlans& vlans, VlansOf whose) {
  change_vlan(socket, RTM_DELLINK, name, first_vlan, 0, whose);
  if (vlans.untagged) {
    change_vlan(socket, RTM_SETLINK, name, *vlans.untagged, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, whose);
  }
  for (std::uint16_t id : vlans.tagged) change_vlan(socket, RTM_SETLINK, name, id, 0, whose);
}

}  // namespace netlink
