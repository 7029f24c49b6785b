#include "lib/netlink/links/bridge.h"

#include <linux/if_link.h>

namespace netlink {

void create_bridge(Socket& socket, const NewLink& link) {
  Message message = new_link_message(link);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("bridge"));
    auto data = message.nest(IFLA_INFO_DATA);
    message.put(IFLA_BR_STP_STATE, std::uint32_t{0});
    message.put(IFLA_BR_FORWARD_DELAY, std::uint32_t{0});
    message.put(IFLA_BR_MCAST_SNOOPING, std::uint8_t{0});
  }
  create_link(socket, "bridge", link, message);
}

}  // namespace netlink
