// A device whose other end is a program: what it sends the program reads, and what the program writes has come in.
#pragma once

#include "lib/base/file_descriptor.h"
#include "lib/netlink/link.h"

namespace netlink {

enum class TunMode {
  tun,  // IP packets
  tap,  // Ethernet frames
};

// The device NAME in this thread's namespace, made where there is none, and gone with the descriptor. A read takes a
// packet that the kernel sends by it, a write gives the kernel one that has come in; neither waits.
base::FileDescriptor open_tun(const std::string& name, TunMode mode);

// In the given namespace, through /dev/net/tun (rtnetlink makes none: tun_validate() in drivers/net/tun.c). It stays
// without a program; one attaches to it by its name.
void create_tun(const base::FileDescriptor& network_namespace, const NewLink& link, TunMode mode);

}  // namespace netlink
