// MACVLAN: further Ethernet devices on top of a link, each with a MAC address of its own, that share its wire.
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

// How those of the same link reach one another: not at all (`private_mode`), by way of a switch outside that sends
// frames back (vepa), at once (bridge); with passthru the link has one only, which takes all of it.
enum class MacvlanMode { private_mode, vepa, bridge, passthru };

// DEVICE is the index of the link below.
void create_macvlan(Socket& socket, const NewLink& link, std::uint32_t device, MacvlanMode mode);

}  // namespace netlink
