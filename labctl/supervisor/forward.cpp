#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "labctl/supervisor/exec.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/netlink/network_namespace.h"

namespace supervisor {
namespace {

using base::http::WebSocket;
using boost::asio::ip::tcp;

class Forward : public std::enable_shared_from_this<Forward> {
 public:
  Forward(tcp::socket socket, std::shared_ptr<WebSocket> client)
      : socket_(std::move(socket)), client_(std::move(client)) {}

  void begin(const tcp::endpoint& target) {
    auto self = shared_from_this();
    client_->on_closed([self](const std::string&) { self->close(""); });
    client_->on_writable([self] { self->read(); });
    client_->on_message([self](std::string data, bool) { self->write(std::move(data)); });
    socket_.async_connect(target, [self](boost::system::error_code failure) {
      if (failure) return self->close(failure.message());
      self->client_->resume();
      self->read();
    });
  }

 private:
  void read() {
    if (reading_ || target_ended_ || !socket_.is_open() || !client_->writable()) return;
    reading_ = true;
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [self = shared_from_this()](boost::system::error_code failure, size_t count) {
                              self->reading_ = false;
                              if (failure) return self->target_ended(failure);
                              self->client_->send_binary({self->buffer_.data(), count});
                              self->read();
                            });
  }

  // An empty message is the end of what one side sends; the other may still send.
  void target_ended(const boost::system::error_code& how) {
    if (how != boost::asio::error::eof) return close(how.message());
    target_ended_ = true;
    if (client_ended_ && pending_.empty() && !writing_) return close("");
    client_->send_binary({});
  }

  void write(std::string data) {
    if (data.empty()) {
      client_ended_ = true;
    } else {
      pending_.push_back(std::move(data));
    }
    if (pending_.size() > 8) client_->pause();
    write_next();
  }

  void write_next() {
    if (writing_) return;
    if (pending_.empty()) {
      if (client_ended_) end_writing();
      return;
    }
    writing_ = true;
    boost::asio::async_write(socket_, boost::asio::buffer(pending_.front()),
                             [self = shared_from_this()](boost::system::error_code failure, size_t) {
                               self->writing_ = false;
                               self->pending_.pop_front();
                               if (failure) return self->close(failure.message());
                               if (self->pending_.size() <= 8) self->client_->resume();
                               self->write_next();
                             });
  }

  void end_writing() {
    if (target_ended_) return close("");
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void close(const std::string& reason) {
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (!client_->closed()) client_->close(reason);
  }

  tcp::socket socket_;
  std::shared_ptr<WebSocket> client_;
  std::array<char, 32768> buffer_;
  std::deque<std::string> pending_;
  bool reading_ = false, writing_ = false, target_ended_ = false, client_ended_ = false;
};

}  // namespace

void serve_forward(boost::asio::io_context& loop, Node& node, const std::string& address, std::uint16_t port,
                   std::shared_ptr<base::http::WebSocket> client) {
  boost::system::error_code failure;
  tcp::endpoint target(boost::asio::ip::make_address(address, failure), port);
  if (failure) return client->close("not an address: " + address);
  // A socket belongs to the network namespace in which it is made. Asio's own would be inherited by what is started.
  base::FileDescriptor made;
  netlink::in_namespace(node.network(), [&] {
    int type = target.protocol().type() | SOCK_CLOEXEC | SOCK_NONBLOCK;
    made = base::FileDescriptor(
        base::check_system("make a socket", ::socket(target.protocol().family(), type, target.protocol().protocol())));
  });
  tcp::socket socket(loop, target.protocol(), made.release());
  std::make_shared<Forward>(std::move(socket), std::move(client))->begin(target);
}

}  // namespace supervisor
