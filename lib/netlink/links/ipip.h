// IP in IP (RFC 2003): IPv4 packets as the payload of others, between two end points.
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

// What is not given is any: of any address, by any link.
struct Ipip {
  std::optional<IpAddress> local;  // IPv4
  std::optional<IpAddress> remote;
  std::optional<std::uint32_t> device;  // index of the link that its packets leave by
  std::uint8_t ttl = 0;                 // 0: that of the packet inside
};

void create_ipip(Socket& socket, const NewLink& link, const Ipip& tunnel);

}  // namespace netlink
