// The address of an overlay's device.
#pragma once

#include <cstdint>
#include <string>

#include "agents/overlay/backend.h"

namespace overlay {

// DEVICE, of this index, has the first address of SUBNET and no other of IPv4. As a /32: with the subnet's length it
// would claim the subnet for this device, and that belongs to the pods' bridge.
void ensure_device_address(netlink::Socket& socket, const std::string& device, std::uint32_t index,
                           const netlink::Prefix& subnet, Report& report);

}  // namespace overlay
