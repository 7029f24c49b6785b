#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>

#include "lib/base/http_beast.h"

namespace base::http::detail {
namespace {

namespace websocket = beast::websocket;

constexpr size_t message_limit = 64 * 1024 * 1024;
constexpr std::chrono::seconds handshake_timeout{10};
constexpr std::chrono::seconds close_timeout{5};

class WebSocketConnection : public WebSocket,
                            public Cuttable,
                            public std::enable_shared_from_this<WebSocketConnection> {
 public:
  explicit WebSocketConnection(Stream stream) : stream_(std::move(stream)) {
    beast::get_lowest_layer(stream_).expires_never();
    // No idle timeout: while reading is paused, the answers to our pings would not be seen.
    stream_.set_option(websocket::stream_base::timeout{handshake_timeout, websocket::stream_base::none(), false});
    stream_.read_message_max(message_limit);
    stream_.auto_fragment(false);
  }

  websocket::stream<Stream>& stream() { return stream_; }

  void on_message(std::function<void(std::string, bool)> callback) override { message_ = std::move(callback); }
  void on_closed(std::function<void(const std::string&)> callback) override { closed_callback_ = std::move(callback); }
  void on_writable(std::function<void()> callback) override { writable_ = std::move(callback); }
  size_t backlog() const override { return backlog_; }
  bool closed() const override { return closed_; }
  void pause() override { paused_ = true; }
  void cut() override { end("cut"); }

  void resume() override {
    paused_ = false;
    read();
  }

  void send_binary(std::string data) override { send(std::move(data), true); }
  void send_text(std::string data) override { send(std::move(data), false); }

  void close(const std::string& reason) override {
    if (closing_ || closed_) return;
    closing_ = true;
    close_reason_ = reason.substr(0, websocket::close_reason().reason.max_size());
    write();
  }

  // A peer that vanishes while reading is paused is noticed here, and only here.
  void watch_for_hang_up() {
    beast::get_lowest_layer(stream_).socket().async_wait(asio::socket_base::wait_error,
                                                         [self = shared_from_this()](error_code code) {
                                                           if (!code && self->paused_) self->end("the peer is gone");
                                                         });
  }

 private:
  void read() {
    if (paused_ || reading_ || closed_) return;
    reading_ = true;
    stream_.async_read(buffer_, [self = shared_from_this()](error_code code, size_t) {
      self->reading_ = false;
      if (code == websocket::error::closed) return self->end(self->stream_.reason().reason.c_str());
      if (code) return self->end(code.message());
      self->deliver();
    });
  }

  void deliver() {
    std::string data = beast::buffers_to_string(buffer_.data());
    buffer_.consume(buffer_.size());
    // A copy: the callback may replace or drop itself.
    if (auto callback = message_; callback && !closed_) callback(std::move(data), stream_.got_binary());
    read();
  }

  void send(std::string data, bool binary) {
    if (closing_ || closed_) return;
    backlog_ += data.size();
    if (!writable()) blocked_ = true;
    queue_.push_back({std::move(data), binary});
    write();
  }

  void write() {
    if (writing_ || closed_) return;
    if (queue_.empty()) {
      if (closing_) shake_hands_to_close();
      return;
    }
    writing_ = true;
    stream_.binary(queue_.front().binary);
    stream_.async_write(asio::buffer(queue_.front().data), [self = shared_from_this()](error_code code, size_t) {
      self->writing_ = false;
      if (code) return self->end(code.message());
      self->backlog_ -= self->queue_.front().data.size();
      self->queue_.pop_front();
      self->write();
      self->report_writable();
    });
  }

  void report_writable() {
    if (!blocked_ || backlog_ > low_water) return;
    blocked_ = false;
    if (auto callback = writable_; callback && !closed_) callback();
  }

  void shake_hands_to_close() {
    writing_ = true;  // nothing may be written any more
    stream_.set_option(websocket::stream_base::timeout{close_timeout, websocket::stream_base::none(), false});
    websocket::close_reason reason(websocket::close_code::normal);
    reason.reason = close_reason_;
    stream_.async_close(reason,
                        [self = shared_from_this()](error_code code) { self->end(code ? code.message() : ""); });
  }

  void end(const std::string& reason) {
    if (closed_) return;
    closed_ = true;
    error_code ignored;
    beast::get_lowest_layer(stream_).socket().close(ignored);
    // Operations under way end by themselves; what they write must stay where it is until then.
    asio::post(stream_.get_executor(), [self = shared_from_this(), reason] {
      auto callback = std::move(self->closed_callback_);
      self->message_ = nullptr;
      self->writable_ = nullptr;
      self->closed_callback_ = nullptr;
      if (callback) callback(reason);
    });
  }

  struct Message {
    std::string data;
    bool binary;
  };

  websocket::stream<Stream> stream_;
  beast::flat_buffer buffer_;
  std::deque<Message> queue_;
  size_t backlog_ = 0;
  std::string close_reason_;
  bool paused_ = true;
  bool reading_ = false;
  bool writing_ = false;
  bool blocked_ = false;
  bool closing_ = false;
  bool closed_ = false;
  std::function<void(std::string, bool)> message_;
  std::function<void(const std::string&)> closed_callback_;
  std::function<void()> writable_;
};

}  // namespace

std::shared_ptr<Cuttable> accept_websocket(Stream stream, beast::http::request<beast::http::string_body> request,
                                           const std::string& protocol,
                                           std::function<void(std::shared_ptr<WebSocket>)> callback) {
  auto connection = std::make_shared<WebSocketConnection>(std::move(stream));
  if (!protocol.empty()) {
    connection->stream().set_option(websocket::stream_base::decorator(
        [protocol](websocket::response_type& response) { response.set("Sec-WebSocket-Protocol", protocol); }));
  }
  auto kept = std::make_shared<beast::http::request<beast::http::string_body>>(std::move(request));
  connection->stream().async_accept(*kept, [connection, kept, callback = std::move(callback)](error_code code) {
    if (code) return;
    connection->watch_for_hang_up();
    callback(connection);
  });
  return connection;
}

void connect_websocket(Stream stream, const std::string& host, const std::string& target, const Headers& headers,
                       std::function<void(std::shared_ptr<WebSocket>, std::optional<Error>)> callback) {
  auto connection = std::make_shared<WebSocketConnection>(std::move(stream));
  connection->stream().set_option(websocket::stream_base::decorator([headers](websocket::request_type& request) {
    for (const auto& [name, value] : headers) request.set(name, value);
  }));
  auto response = std::make_shared<websocket::response_type>();
  connection->stream().async_handshake(
      *response, host, target, [connection, response, target, callback = std::move(callback)](error_code code) {
        if (code == websocket::error::upgrade_declined) {
          std::string body = response->body();
          return callback(nullptr, Error(target + ": " + std::to_string(response->result_int()) + " " +
                                         std::string(response->reason()) + (body.empty() ? "" : ": " + body)));
        }
        if (code) return callback(nullptr, to_error(target + ": WebSocket handshake", code));
        // No watch for a hang-up: a client that pauses would lose what a server sent before it closed.
        callback(connection, std::nullopt);
      });
}

}  // namespace base::http::detail
