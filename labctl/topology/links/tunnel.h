// What the tunnels of IP packets in IP packets have in common.
#pragma once

#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

template <class Tunnel>
std::vector<Field<Link>> tunnel_fields() {
  return {kind_field("local", &Tunnel::local, optional(located(address_type())),
                     "The address of this end, which its packets come from.", "192.168.1.1"),
          kind_field("remote", &Tunnel::remote, optional(located(address_type())), "The address of the other end.",
                     "192.168.2.1"),
          kind_field("device", &Tunnel::device, optional(located(word_type("a link of this node"))),
                     "The link that its packets leave by.", "wan"),
          kind_field("ttl", &Tunnel::ttl, number_type<std::uint8_t>("a TTL", 1, 255),
                     "The TTL of its packets; that of the packet inside where it is left out.", "64")};
}

}  // namespace topology
