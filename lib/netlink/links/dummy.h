// A device that leads nowhere: for addresses that belong to the machine and not to a wire, such as a virtual IP.
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

void create_dummy(Socket& socket, const NewLink& link);

}  // namespace netlink
