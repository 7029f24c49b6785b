#include "lib/netlink/links/vlan.h"

#include <linux/if_link.h>

namespace netlink {

void create_vlan(Socket& socket, const NewLink& link, std::uint32_t device, std::uint16_t id) {
  Message message = new_link_message(link);
  message.put(IFLA_LINK, device);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("vlan"));
    auto data = message.nest(IFLA_INFO_DATA);
    message.put(IFLA_VLAN_ID, id);
  }
  create_link(socket, "vlan", link, message);
}

}  // namespace netlink
