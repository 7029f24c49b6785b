#pragma once

#include <cstdint>

#include "labctl/topology/topology.h"

namespace topology {

// The MTU of LINK of NODE: its own, or what the kernel gives links of its kind. Its parts are in no circle.
std::uint32_t mtu_of(const Node& node, const Link& link);

}  // namespace topology
