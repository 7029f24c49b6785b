// VXLAN: a device flannel.VNI on each node wraps frames in UDP.
#pragma once

#include <memory>

#include "agents/overlay/backend.h"

namespace overlay {

std::unique_ptr<Backend> make_vxlan(netlink::Socket& socket, const BackendOptions& options);

}  // namespace overlay
