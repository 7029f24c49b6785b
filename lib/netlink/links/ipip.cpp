#include "lib/netlink/links/ipip.h"

#include <linux/if_link.h>
#include <linux/if_tunnel.h>

namespace netlink {

void create_ipip(Socket& socket, const NewLink& link, const Ipip& tunnel) {
  Message message = new_link_message(link);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("ipip"));
    auto data = message.nest(IFLA_INFO_DATA);
    if (tunnel.local) message.put(IFLA_IPTUN_LOCAL, *tunnel.local);
    if (tunnel.remote) message.put(IFLA_IPTUN_REMOTE, *tunnel.remote);
    if (tunnel.device) message.put(IFLA_IPTUN_LINK, *tunnel.device);
    message.put(IFLA_IPTUN_TTL, tunnel.ttl);
    message.put(IFLA_IPTUN_PMTUDISC, std::uint8_t{1});
  }
  create_link(socket, "ipip", link, message);
}

}  // namespace netlink
