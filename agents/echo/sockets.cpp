#include "agents/echo/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/error.h"

namespace echo {
namespace {

void set_option(int socket, int level, int option, int value) {
  base::check_system("setsockopt", ::setsockopt(socket, level, option, &value, sizeof value));
}

void bind_ipv6(int socket, uint16_t port) {
  set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(port);
  base::check_system("bind", ::bind(socket, reinterpret_cast<sockaddr*>(&any), sizeof any));
}

void bind_ipv4(int socket, uint16_t port) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  base::check_system("bind", ::bind(socket, reinterpret_cast<sockaddr*>(&any), sizeof any));
}

}  // namespace

base::FileDescriptor bind_to_port(int type, uint16_t port) {
  std::string name = (type == SOCK_STREAM ? "TCP" : "UDP") + (" port " + std::to_string(port));
  return base::in_context("serve on " + name, [&] {
    int flags = type | SOCK_CLOEXEC | SOCK_NONBLOCK;
    base::FileDescriptor socket(::socket(AF_INET6, flags, 0));
    bool ipv6 = socket.valid();
    if (!ipv6) socket = base::FileDescriptor(base::check_system("open a socket", ::socket(AF_INET, flags, 0)));
    // A server that is started again must not wait for the connections of the one before.
    if (type == SOCK_STREAM) set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    ipv6 ? bind_ipv6(socket.get(), port) : bind_ipv4(socket.get(), port);
    if (type == SOCK_STREAM) base::check_system("listen", ::listen(socket.get(), SOMAXCONN));
    return socket;
  });
}

}  // namespace echo
