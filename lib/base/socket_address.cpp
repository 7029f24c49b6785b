#include "lib/base/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace base {
namespace {

template <class Function>
SocketAddress ask(Function&& function, int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (function(socket, reinterpret_cast<sockaddr*>(&address), &length) < 0) return {};
  return SocketAddress::of(reinterpret_cast<const sockaddr*>(&address));
}

std::string printed(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(family, bytes, text, sizeof text);
  return text;
}

}  // namespace

SocketAddress SocketAddress::of(const sockaddr* address) {
  SocketAddress result;
  result.family = address->sa_family;
  if (address->sa_family == AF_INET) {
    const auto* inet = reinterpret_cast<const sockaddr_in*>(address);
    result.address = printed(AF_INET, &inet->sin_addr);
    result.port = ntohs(inet->sin_port);
  } else if (address->sa_family == AF_INET6) {
    const auto* inet = reinterpret_cast<const sockaddr_in6*>(address);
    bool mapped = IN6_IS_ADDR_V4MAPPED(&inet->sin6_addr);
    result.family = mapped ? AF_INET : AF_INET6;
    result.address =
        mapped ? printed(AF_INET, inet->sin6_addr.s6_addr + 12) : printed(AF_INET6, inet->sin6_addr.s6_addr);
    result.port = ntohs(inet->sin6_port);
  }
  return result;
}

SocketAddress SocketAddress::peer(int socket) {
  return ask(::getpeername, socket);
}

SocketAddress SocketAddress::local(int socket) {
  return ask(::getsockname, socket);
}

std::string SocketAddress::text() const {
  switch (family) {
    case AF_UNSPEC:
      return {};
    case AF_INET:
      return address + ":" + std::to_string(port);
    case AF_INET6:
      return "[" + address + "]:" + std::to_string(port);
    default:
      return "unix";
  }
}

}  // namespace base
