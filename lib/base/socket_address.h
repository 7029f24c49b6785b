// Who is at the other end of a socket, and where this end is, as people write it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace base {

// An IPv4 client of a dual-stack socket (::ffff:10.0.0.1) is shown as the IPv4 address that it has.
struct SocketAddress {
  std::string address;  // empty for anything but IPv4 and IPv6
  uint16_t port = 0;

  static SocketAddress of(const sockaddr* address);
  static SocketAddress peer(int socket);
  static SocketAddress local(int socket);
  // "192.168.113.102:43210", "[fd00::2]:43210"; "unix" for what is neither; empty where it is not known.
  std::string text() const;

  sa_family_t family = AF_UNSPEC;
};

}  // namespace base
