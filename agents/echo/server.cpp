#include "agents/echo/server.h"

#include <sys/socket.h>

#include "agents/echo/sockets.h"
#include "lib/base/socket_address.h"

namespace echo {

Server::Server(boost::asio::io_context& loop, Identity identity)
    : loop_(loop),
      identity_(std::move(identity)),
      http_service_(loop_, identity_),
      http_(loop_, [this](std::shared_ptr<base::http::Exchange> exchange) { http_service_.handle(exchange); }) {}

uint16_t Server::serve_http(uint16_t port) {
  base::FileDescriptor socket = bind_to_port(SOCK_STREAM, port);
  uint16_t bound = base::SocketAddress::local(socket.get()).port;
  http_.listen_on_descriptor(socket.release());
  return bound;
}

uint16_t Server::serve_tcp(uint16_t port) {
  return tcp_.emplace_back(std::make_unique<TcpService>(loop_, identity_, port))->port();
}

uint16_t Server::serve_udp(uint16_t port) {
  return udp_.emplace_back(std::make_unique<UdpService>(loop_, identity_, port))->port();
}

void Server::drain(std::function<void()> drained) {
  for (const auto& service : udp_) service->drain();
  auto left = std::make_shared<size_t>(tcp_.size() + 1);
  auto one_less = [left, drained = std::move(drained)] {
    if (--*left == 0) drained();
  };
  for (const auto& service : tcp_) service->drain(one_less);
  http_.drain(one_less);
}

}  // namespace echo
