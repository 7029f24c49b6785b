// What a router does to an IPv4 packet that it passes on in user space.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/netlink/address.h"

namespace overlay {

// Nothing where PACKET is no whole IPv4 header.
std::optional<netlink::IpAddress> destination_of(const std::string& packet);

// RFC 1812, 5.3.1. False where the packet has come to its end and must go no further; the checksum follows (RFC 1624).
// PACKET has a destination. Its sender is not told, as flannel does not tell it.
bool decrement_time_to_live(std::string& packet);

// The ICMP message "network unreachable" (RFC 792) from ROUTER to the sender of PACKET, which has a destination.
// Nothing where none may be sent (RFC 1122, 3.2.2): of an ICMP error, of a later fragment, and to no single host.
std::optional<std::string> network_unreachable(const std::string& packet, const netlink::IpAddress& router);

// RFC 1071, of all bytes from BEGIN to before END: 0 where a checksum among them is right.
std::uint16_t checksum(const std::string& packet, std::size_t begin, std::size_t end);

}  // namespace overlay
