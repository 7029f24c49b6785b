#include "lib/netlink/links/vxlan.h"

#include <arpa/inet.h>
#include <linux/if_link.h>

namespace netlink {

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

}  // namespace netlink
