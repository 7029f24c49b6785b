// A VLAN (IEEE 802.1Q) of a link: what it sends leaves the link with a tag, and it gets what comes with that tag.
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

// DEVICE is the index of the link below.
void create_vlan(Socket& socket, const NewLink& link, std::uint32_t device, std::uint16_t id);

}  // namespace netlink
