// A pair of virtual Ethernet devices: what goes into one end comes out of the other.
#pragma once

#include "lib/base/file_descriptor.h"
#include "lib/netlink/link.h"

namespace netlink {

// Creates both ends where they belong at once: NEAR in the socket's namespace, FAR in FAR_NAMESPACE. The far end is
// created down (the kernel refuses IFF_UP for a peer: ENOTCONN); its `up`, `master` and alternative name are ignored.
void create_veth(Socket& socket, const NewLink& near, const NewLink& far, const base::FileDescriptor& far_namespace);

}  // namespace netlink
