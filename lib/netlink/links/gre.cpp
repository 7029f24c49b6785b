#include "lib/netlink/links/gre.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>

namespace netlink {
namespace {

// The same both ways.
void put_key(Message& message, std::uint32_t key) {
  std::uint16_t has_key = GRE_KEY;  // in network byte order already
  message.put(IFLA_GRE_IFLAGS, has_key).put(IFLA_GRE_OFLAGS, has_key);
  message.put(IFLA_GRE_IKEY, static_cast<std::uint32_t>(htonl(key)));
  message.put(IFLA_GRE_OKEY, static_cast<std::uint32_t>(htonl(key)));
}

}  // namespace

void create_gre(Socket& socket, const NewLink& link, const Gre& tunnel) {
  Message message = new_link_message(link);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("gre"));
    auto data = message.nest(IFLA_INFO_DATA);
    if (tunnel.local) message.put(IFLA_GRE_LOCAL, *tunnel.local);
    if (tunnel.remote) message.put(IFLA_GRE_REMOTE, *tunnel.remote);
    if (tunnel.device) message.put(IFLA_GRE_LINK, *tunnel.device);
    if (tunnel.key) put_key(message, *tunnel.key);
    message.put(IFLA_GRE_TTL, tunnel.ttl);
    message.put(IFLA_GRE_PMTUDISC, std::uint8_t{1});
  }
  create_link(socket, "gre", link, message);
}

}  // namespace netlink
