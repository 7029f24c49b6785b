// UDP: flannel's first backend. A TUN device flannel0 hands pods' packets to this process, which sends each in a
// datagram to the node of its destination. Works where nothing but UDP and TUN does, and is slow: every packet crosses
// into user space twice. Without the process no packet flows, and its device is gone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "agents/overlay/backend.h"

namespace overlay {

// The one that flannel uses.
inline constexpr std::uint16_t udp_port = 8285;

// Packets are carried while LOOP runs; it must outlive the backend.
std::unique_ptr<Backend> make_udp(netlink::Socket& socket, boost::asio::io_context& loop);

}  // namespace overlay
