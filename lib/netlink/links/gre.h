// GRE (RFC 2784, with the key of RFC 2890): packets of any protocol as the payload of IPv4's.
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

// What is not given is any: of any address, by any link.
struct Gre {
  std::optional<IpAddress> local;  // IPv4
  std::optional<IpAddress> remote;
  std::optional<std::uint32_t> device;  // index of the link that its packets leave by
  std::uint8_t ttl = 0;                 // 0: that of the packet inside
  std::optional<std::uint32_t> key;     // tells tunnels between the same end points apart
};

void create_gre(Socket& socket, const NewLink& link, const Gre& tunnel);

}  // namespace netlink
