// host-gw: no encapsulation; each node is the gateway to its own pods, for nodes on one layer-2 segment.
#pragma once

#include <memory>

#include "agents/overlay/backend.h"

namespace overlay {

std::unique_ptr<Backend> make_host_gw(netlink::Socket& socket);

}  // namespace overlay
