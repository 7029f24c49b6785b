#include "agents/echo/tcp_service.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "agents/echo/sockets.h"
#include "lib/base/socket_address.h"

namespace echo {

using boost::asio::ip::tcp;
using boost::system::error_code;

class TcpService::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Clients> clients)
      : socket_(std::move(socket)), clients_(std::move(clients)) {
    ++clients_->count;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (--clients_->count == 0 && clients_->when_none) clients_->when_none();
  }

  void start(const std::string& greeting) {
    greeting.copy(buffer_.data(), buffer_.size());
    write(std::min(greeting.size(), buffer_.size()));
  }

 private:
  void read() {
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [self = shared_from_this()](const error_code& failure, size_t size) {
                              if (!failure) return self->write(size);
                              error_code ignored;
                              self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
                            });
  }
  void write(size_t size) {
    boost::asio::async_write(socket_, boost::asio::buffer(buffer_, size),
                             [self = shared_from_this()](const error_code& failure, size_t) {
                               if (!failure) self->read();
                             });
  }

  tcp::socket socket_;
  std::shared_ptr<Clients> clients_;
  std::array<char, 16 * 1024> buffer_;
};

TcpService::TcpService(boost::asio::io_context& loop, const Identity& identity, uint16_t port)
    : identity_(identity), acceptor_(loop), pause_(loop) {
  base::FileDescriptor socket = bind_to_port(SOCK_STREAM, port);
  bool ipv6 = base::SocketAddress::local(socket.get()).family == AF_INET6;
  acceptor_.assign(ipv6 ? tcp::v6() : tcp::v4(), socket.release());
  accept();
}

uint16_t TcpService::port() const {
  return acceptor_.local_endpoint().port();
}

void TcpService::accept() {
  acceptor_.async_accept([this](const error_code& failure, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!failure) {
      greet(std::move(socket));
      return accept();
    }
    // Out of descriptors: trying again at once would spin.
    pause_.expires_after(std::chrono::milliseconds(50));
    pause_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) accept();
    });
  });
}

void TcpService::greet(tcp::socket socket) {
  int descriptor = socket.native_handle();
  std::string greeting = to_line(describe(identity_, base::SocketAddress::peer(descriptor).text(),
                                          base::SocketAddress::local(descriptor).text(), "tcp"));
  std::make_shared<Connection>(std::move(socket), clients_)->start(greeting);
}

void TcpService::drain(std::function<void()> drained) {
  // Connections that the kernel has accepted already would be reset.
  error_code failure;
  acceptor_.non_blocking(true);
  for (;;) {
    tcp::socket socket = acceptor_.accept(failure);
    if (failure) break;
    greet(std::move(socket));
  }
  acceptor_.close(failure);
  pause_.cancel();
  if (clients_->count == 0) return drained();
  clients_->when_none = [drained = std::move(drained), executor = acceptor_.get_executor()] {
    boost::asio::post(executor, drained);
  };
}

}  // namespace echo
