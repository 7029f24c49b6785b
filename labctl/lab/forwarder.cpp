#include "labctl/lab/forwarder.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "lib/base/http.h"

namespace lab {
namespace {

using base::http::WebSocket;
using boost::asio::ip::tcp;
using boost::system::error_code;
using Failed = std::function<void(const base::Error&)>;

// One connection: a TCP socket here, a WebSocket to the lab.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(tcp::socket socket, Failed failed) : socket_(std::move(socket)), failed_(std::move(failed)) {}

  void connect(base::http::Client& client, const std::string& target) {
    client.connect_websocket(
        target, [self = shared_from_this()](std::shared_ptr<WebSocket> lab, std::optional<base::Error> error) {
          if (error) return self->refuse(*error);
          self->connected(std::move(lab));
        });
  }

  // The WebSocket's callbacks hold us, and we it: whoever ends the loop would leave both behind, with their sockets.
  void abandon() {
    failed_ = [](const base::Error&) {};
    close();
    if (!lab_) return;
    lab_->on_message(nullptr);
    lab_->on_writable(nullptr);
    lab_->on_closed(nullptr);
    lab_.reset();
  }

 private:
  static constexpr std::size_t kPendingMessages = 8;

  void connected(std::shared_ptr<WebSocket> lab) {
    if (!socket_.is_open()) return lab->close();
    lab_ = std::move(lab);
    auto self = shared_from_this();
    lab_->on_message([self](std::string data, bool) { self->write(std::move(data)); });
    lab_->on_writable([self] { self->read(); });
    lab_->on_closed([self](const std::string& reason) { self->lab_closed(reason); });
    lab_->resume();
    read();
  }

  // ---- to the lab

  void read() {
    if (reading_ || local_ended_ || !lab_->writable()) return;
    reading_ = true;
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [self = shared_from_this()](error_code error, std::size_t count) {
                              self->reading_ = false;
                              if (!self->lab_) return;
                              if (error) return self->local_closed(error);
                              self->lab_->send_binary({self->buffer_.data(), count});
                              self->read();
                            });
  }

  // An empty message is the end of what is sent; answers may still come.
  void local_closed(const error_code& error) {
    local_ended_ = true;
    if (error == boost::asio::error::eof) return lab_->send_binary({});
    close();
  }

  // ---- from the lab

  void write(std::string data) {
    if (data.empty()) {
      target_ended_ = true;
    } else {
      got_data_ = true;
      pending_.push_back(std::move(data));
    }
    if (pending_.size() > kPendingMessages) lab_->pause();
    write_next();
  }

  void write_next() {
    if (writing_) return;
    if (pending_.empty()) {
      if (lab_ended_) return close();
      error_code ignored;
      if (target_ended_) socket_.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    writing_ = true;
    boost::asio::async_write(socket_, boost::asio::buffer(pending_.front()),
                             [self = shared_from_this()](error_code error, std::size_t) {
                               self->writing_ = false;
                               if (error || !self->lab_) return self->close();
                               self->pending_.pop_front();
                               if (self->pending_.size() <= kPendingMessages) self->lab_->resume();
                               self->write_next();
                             });
  }

  void lab_closed(const std::string& reason) {
    lab_ended_ = true;
    if (!reason.empty() && !got_data_) return refuse(base::Error(reason));
    if (!reason.empty()) failed_(base::Error(reason));
    write_next();
  }

  // A reset, as the node would have got it.
  void refuse(const base::Error& error) {
    error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    close();
    failed_(error);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    if (lab_ && !lab_->closed()) lab_->close();
  }

  tcp::socket socket_;
  Failed failed_;
  std::shared_ptr<WebSocket> lab_;
  std::array<char, 32 * 1024> buffer_;
  std::deque<std::string> pending_;
  bool reading_ = false, writing_ = false, local_ended_ = false, target_ended_ = false, lab_ended_ = false,
       got_data_ = false;
};

tcp family_of(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  base::check_system("look at a listening socket",
                     ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
  return address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
}

}  // namespace

class Forwarder::Implementation : public std::enable_shared_from_this<Forwarder::Implementation> {
 public:
  Implementation(boost::asio::io_context& loop, LabFolder folder, ForwardTarget target, base::FileDescriptor listener,
                 Failed failed)
      : folder_(std::move(folder)),
        client_(loop, base::http::Endpoint::unix_socket(folder_.control_socket())),
        path_("/v1/forward?" +
              base::http::encode(base::http::Query{
                  {"node", target.node}, {"address", target.address}, {"port", std::to_string(target.port)}})),
        acceptor_(loop),
        pause_(loop),
        failed_(std::move(failed)) {
    acceptor_.assign(family_of(listener.get()), listener.get());
    listener.release();
  }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (error == boost::asio::error::operation_aborted || self->stopped_) return;
      if (error) return self->accept_later();
      auto failed = [self](const base::Error& failure) { self->report(failure); };
      auto connection = std::make_shared<Connection>(std::move(socket), failed);
      self->remember(connection);
      connection->connect(self->client_, self->path_);
      self->accept();
    });
  }

  void stop() {
    stopped_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const std::weak_ptr<Connection>& it : connections_) {
      if (std::shared_ptr<Connection> connection = it.lock()) connection->abandon();
    }
  }

 private:
  void remember(const std::shared_ptr<Connection>& connection) {
    std::erase_if(connections_, [](const std::weak_ptr<Connection>& it) { return it.expired(); });
    connections_.push_back(connection);
  }

  // Out of descriptors, say: those in use come back.
  void accept_later() {
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && !self->stopped_) self->accept();
    });
  }

  void report(const base::Error& error) {
    if (!stopped_) failed_(error);
  }

  LabFolder folder_;
  base::http::Client client_;
  std::string path_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  Failed failed_;
  std::vector<std::weak_ptr<Connection>> connections_;
  bool stopped_ = false;
};

Forwarder::Forwarder(boost::asio::io_context& loop, LabFolder folder, ForwardTarget target,
                     base::FileDescriptor listener, std::function<void(const base::Error&)> failed)
    : implementation_(std::make_shared<Implementation>(loop, std::move(folder), std::move(target), std::move(listener),
                                                       std::move(failed))) {
  implementation_->accept();
}

Forwarder::~Forwarder() {
  implementation_->stop();
}

}  // namespace lab
