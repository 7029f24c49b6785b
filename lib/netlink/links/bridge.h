// A learning Ethernet switch. Its ports are the links that name it as their master.
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

// Without spanning tree, and without multicast snooping: it floods, as a plain switch does, and forwards at once.
void create_bridge(Socket& socket, const NewLink& link);

}  // namespace netlink
