// Sockets that are reached at every address of the machine.
#pragma once

#include <cstdint>

#include "lib/base/file_descriptor.h"

namespace echo {

// Bound to PORT (0: the kernel's choice) for IPv4 and IPv6, or for IPv4 alone where the kernel has no IPv6; TYPE is
// SOCK_STREAM, which listens already, or SOCK_DGRAM.
base::FileDescriptor bind_to_port(int type, uint16_t port);

}  // namespace echo
