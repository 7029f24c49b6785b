#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "lib/base/http_beast.h"
#include "lib/base/socket_address.h"

namespace base::http {
namespace {

using namespace detail;
namespace protocol = boost::beast::http;

// Held by a server and by each of its connections, to learn when the last of them is gone.
struct Presence {
  Presence() = default;
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() {
    if (gone) gone();
  }
  std::function<void()> gone;
};

Query parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    size_t end = std::min(text.find('&'), text.size());
    std::string pair(text.substr(0, end));
    std::replace(pair.begin(), pair.end(), '+', ' ');
    size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty()) {
      query.emplace(decode(pair.substr(0, equals)), decode(pair.substr(std::min(equals + 1, pair.size()))));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return query;
}

// One accepted connection: reads a request, has it answered, reads the next.
class Connection : public Cuttable, public std::enable_shared_from_this<Connection> {
 public:
  using Registrar = std::function<void(std::shared_ptr<Cuttable>)>;
  Connection(Stream stream, std::shared_ptr<const Handler> handler, ServerOptions options, Registrar registrar,
             std::shared_ptr<Presence> presence)
      : stream_(std::move(stream)),
        handler_(std::move(handler)),
        options_(options),
        registrar_(std::move(registrar)),
        presence_(std::move(presence)),
        peer_(SocketAddress::peer(stream_.socket().native_handle()).text()),
        local_(SocketAddress::local(stream_.socket().native_handle()).text()) {}

  void read();
  void respond(Response response);
  std::shared_ptr<ResponseStream> stream(Response head);
  void upgrade(std::function<void(std::shared_ptr<WebSocket>)> callback, const std::string& subprotocol);
  void cut() override {
    error_code ignored;
    stream_.socket().close(ignored);
  }
  void drain() override {
    draining_ = true;
    keep_alive_ = false;
    if (between_requests_) cut();
  }
  asio::any_io_executor executor() { return stream_.get_executor(); }
  Stream& socket() { return stream_; }
  unsigned version() const { return version_; }
  // Calls GONE when the peer closes its side; what it may send is not read any more.
  void watch_for_close(std::function<void()> gone);
  void shut_down();

 private:
  void dispatch();
  void refuse(const error_code& code);
  template <class Message>
  void apply_head(Message& message, const Response& response, bool keep_alive) const;

  Stream stream_;
  std::shared_ptr<const Handler> handler_;
  ServerOptions options_;
  Registrar registrar_;
  std::shared_ptr<Presence> presence_;
  std::string peer_;
  std::string local_;
  beast::flat_buffer buffer_;
  std::optional<protocol::request_parser<protocol::string_body>> parser_;
  protocol::request<protocol::string_body> handshake_;
  bool keep_alive_ = false;
  bool between_requests_ = false;
  bool draining_ = false;
  bool head_only_ = false;
  unsigned version_ = 11;
};

class ResponseStreamImplementation : public ResponseStream,
                                     public std::enable_shared_from_this<ResponseStreamImplementation> {
 public:
  explicit ResponseStreamImplementation(std::shared_ptr<Connection> connection)
      : connection_(std::move(connection)), chunked_(connection_->version() >= 11) {}

  void start(std::shared_ptr<protocol::response<protocol::empty_body>> head) {
    writing_ = true;
    auto serializer = std::make_shared<protocol::response_serializer<protocol::empty_body>>(*head);
    protocol::async_write_header(
        connection_->socket(), *serializer,
        [self = shared_from_this(), head, serializer](error_code code, size_t) { self->written(code); });
    auto callbacks = std::make_shared<Callbacks>();
    callbacks_ = callbacks;
    connection_->watch_for_close([self = shared_from_this(), callbacks] { self->end(); });
  }

  void write(std::string data) override {
    if (closed_ || finishing_ || data.empty()) return;
    backlog_ += data.size();
    if (pending_.empty()) {
      pending_ = std::move(data);
    } else {
      pending_ += data;
    }
    flush();
  }
  void finish() override {
    finishing_ = true;
    flush();
  }
  void abort() override { end(); }
  size_t backlog() const override { return backlog_; }
  bool closed() const override { return closed_; }
  void on_closed(std::function<void()> callback) override {
    if (closed_) return asio::post(connection_->executor(), std::move(callback));
    if (auto callbacks = callbacks_.lock()) callbacks->closed = std::move(callback);
  }
  void on_drained(std::function<void()> callback) override {
    if (auto callbacks = callbacks_.lock()) callbacks->drained = std::move(callback);
  }

 private:
  void flush() {
    if (writing_ || closed_) return;
    if (!pending_.empty()) {
      writing_ = true;
      current_ = std::move(pending_);
      pending_.clear();
      auto done = [self = shared_from_this()](error_code code, size_t) {
        self->backlog_ -= self->current_.size();
        self->current_.clear();
        self->written(code);
      };
      if (chunked_) {
        asio::async_write(connection_->socket(), protocol::make_chunk(asio::buffer(current_)), std::move(done));
      } else {
        asio::async_write(connection_->socket(), asio::buffer(current_), std::move(done));
      }
    } else if (finishing_) {
      writing_ = true;
      auto done = [self = shared_from_this()](error_code, size_t) {
        if (self->connection_) self->connection_->shut_down();
        self->end();
      };
      if (chunked_) {
        asio::async_write(connection_->socket(), protocol::make_chunk_last(), std::move(done));
      } else {
        asio::post(connection_->executor(), [done = std::move(done)]() mutable { done({}, 0); });
      }
    }
  }

  void written(const error_code& code) {
    writing_ = false;
    if (code) return end();
    flush();
    if (backlog_ == 0 && !closed_ && !finishing_) {
      auto callbacks = callbacks_.lock();
      if (auto callback = callbacks ? callbacks->drained : nullptr) callback();
    }
  }

  void end() {
    if (closed_) return;
    closed_ = true;
    connection_->cut();
    report_closed();
  }

  void report_closed() {
    asio::post(connection_->executor(), [self = shared_from_this(), callbacks = callbacks_.lock()] {
      if (!callbacks) return;
      Callbacks last = std::exchange(*callbacks, {});
      if (last.closed) last.closed();
    });
  }

  // Owned by the read that waits for the peer's close: they may own the stream, and an event loop that ends before that
  // read has ended lets go of both.
  struct Callbacks {
    std::function<void()> closed;
    std::function<void()> drained;
  };

  std::shared_ptr<Connection> connection_;
  const bool chunked_;
  std::string pending_;
  std::string current_;
  size_t backlog_ = 0;
  bool writing_ = false;
  bool finishing_ = false;
  bool closed_ = false;
  std::weak_ptr<Callbacks> callbacks_;
};

class ExchangeImplementation : public Exchange {
 public:
  ExchangeImplementation(std::shared_ptr<Connection> connection, Request request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~ExchangeImplementation() override {
    if (connection_) connection_->respond({500, "the request was dropped without an answer\n", "text/plain", {}});
  }

  Request& request() override { return request_; }
  void respond(Response response) override { take()->respond(std::move(response)); }
  std::shared_ptr<ResponseStream> stream(Response head) override { return take()->stream(std::move(head)); }
  void upgrade_websocket(std::function<void(std::shared_ptr<WebSocket>)> callback,
                         const std::string& subprotocol) override {
    take()->upgrade(std::move(callback), subprotocol);
  }

 private:
  std::shared_ptr<Connection> take() {
    if (!connection_) throw Error(request_.method + " " + request_.target + ": answered twice");
    return std::exchange(connection_, nullptr);
  }
  std::shared_ptr<Connection> connection_;
  Request request_;
};

void Connection::read() {
  parser_.emplace();
  parser_->body_limit(options_.body_limit);
  parser_->header_limit(64 * 1024);
  stream_.expires_after(options_.idle_timeout);
  protocol::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code code, size_t) {
    if (code) return self->refuse(code);
    self->stream_.expires_never();
    self->between_requests_ = false;
    self->dispatch();
  });
}

void Connection::refuse(const error_code& code) {
  if (code == protocol::error::end_of_stream || code.category() == boost::system::system_category() ||
      code == beast::error::timeout || code == asio::error::eof || code == asio::error::operation_aborted) {
    return cut();
  }
  keep_alive_ = false;
  head_only_ = false;
  bool too_large = code == protocol::error::body_limit || code == protocol::error::header_limit;
  respond({too_large ? 413 : 400, code.message() + "\n", "text/plain", {}});
}

void Connection::dispatch() {
  auto message = parser_->release();
  version_ = message.version();
  keep_alive_ = message.keep_alive() && !draining_;
  head_only_ = message.method() == protocol::verb::head;
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  size_t question = request.target.find('?');
  request.path = decode(std::string_view(request.target).substr(0, question));
  if (question != std::string::npos) request.query = parse_query(std::string_view(request.target).substr(question + 1));
  request.headers = copy_headers(message);
  request.peer = peer_;
  request.local = local_;
  request.body = std::move(message.body());
  if (request.is_websocket_upgrade()) {
    message.body().clear();
    handshake_ = std::move(message);
  }
  auto exchange = std::make_shared<ExchangeImplementation>(shared_from_this(), std::move(request));
  try {
    (*handler_)(exchange);
  } catch (const std::exception& error) {
    try {
      exchange->respond({500, std::string(error.what()) + "\n", "text/plain", {}});
    } catch (const Error&) {
      // It had been answered already; the fault is in the handler, and the answer stands.
    }
  }
}

template <class Message>
void Connection::apply_head(Message& message, const Response& response, bool keep_alive) const {
  message.version(version_);
  message.result(static_cast<unsigned>(response.status));
  if (!response.content_type.empty()) message.set(protocol::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  message.keep_alive(keep_alive);
}

void Connection::respond(Response response) {
  auto finished = [self = shared_from_this()](error_code code) {
    if (code) return self->cut();
    if (!self->keep_alive_) return self->shut_down();
    self->between_requests_ = true;
    self->read();
  };
  if (head_only_) {
    auto message = std::make_shared<protocol::response<protocol::empty_body>>();
    apply_head(*message, response, keep_alive_);
    message->content_length(response.body.size());
    protocol::async_write(stream_, *message, [message, finished](error_code code, size_t) { finished(code); });
    return;
  }
  auto message = std::make_shared<protocol::response<protocol::string_body>>();
  apply_head(*message, response, keep_alive_);
  message->body() = std::move(response.body);
  message->prepare_payload();
  protocol::async_write(stream_, *message, [message, finished](error_code code, size_t) { finished(code); });
}

std::shared_ptr<ResponseStream> Connection::stream(Response head) {
  // The close is how the end of a stream reaches the client's kernel at once; and while it runs, reading serves to
  // notice that the client has gone, so that no next request could be read.
  auto message = std::make_shared<protocol::response<protocol::empty_body>>();
  apply_head(*message, head, false);
  if (version_ >= 11) message->chunked(true);
  auto result = std::make_shared<ResponseStreamImplementation>(shared_from_this());
  result->start(message);
  if (!head.body.empty()) result->write(std::move(head.body));
  return result;
}

void Connection::watch_for_close(std::function<void()> gone) {
  constexpr size_t piece = 4096;
  stream_.async_read_some(buffer_.prepare(piece),
                          [self = shared_from_this(), gone = std::move(gone)](error_code code, size_t) {
                            if (code) return gone();
                            self->watch_for_close(gone);
                          });
}

void Connection::upgrade(std::function<void(std::shared_ptr<WebSocket>)> callback, const std::string& subprotocol) {
  if (handshake_.find(protocol::field::sec_websocket_key) == handshake_.end()) {
    return respond({426, "this address speaks WebSocket only\n", "text/plain", {{"Upgrade", "websocket"}}});
  }
  registrar_(accept_websocket(std::move(stream_), std::move(handshake_), subprotocol, std::move(callback)));
}

void Connection::shut_down() {
  error_code ignored;
  stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
  cut();
}

}  // namespace

class Server::Implementation : public std::enable_shared_from_this<Server::Implementation> {
 public:
  Implementation(asio::io_context& loop, Handler handler, ServerOptions options)
      : loop_(loop), handler_(std::make_shared<const Handler>(std::move(handler))), options_(options) {}

  uint16_t listen(const Endpoint& endpoint);
  void listen_on(FileDescriptor listener);
  void stop();
  void drain(std::function<void()> drained);

 private:
  struct Listener {
    explicit Listener(asio::io_context& loop) : descriptor(loop), pause(loop) {}
    asio::posix::stream_descriptor descriptor;
    asio::steady_timer pause;
  };
  void wait(std::shared_ptr<Listener> listener);
  bool accept(int listener);
  void close_listeners();
  void remember(std::shared_ptr<Cuttable> connection);

  asio::io_context& loop_;
  std::shared_ptr<const Handler> handler_;
  ServerOptions options_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::weak_ptr<Cuttable>> connections_;
  std::shared_ptr<Presence> presence_ = std::make_shared<Presence>();
  std::weak_ptr<Presence> draining_;
  bool stopped_ = false;
};

uint16_t Server::Implementation::listen(const Endpoint& endpoint) {
  return in_context("listen on " + endpoint.text(), [&] {
    Protocol::endpoint address = resolve(endpoint).front();
    FileDescriptor listener = open_socket(address);
    int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (endpoint.is_unix()) ::unlink(endpoint.path.c_str());
    check_system("bind", ::bind(listener.get(), address.data(), static_cast<socklen_t>(address.size())));
    if (endpoint.is_unix()) check_system("chmod", ::chmod(endpoint.path.c_str(), options_.socket_mode));
    check_system("listen", ::listen(listener.get(), SOMAXCONN));
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    check_system("getsockname", ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &length));
    listen_on(std::move(listener));
    if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(bound).sin_port);
    if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
    return uint16_t{0};
  });
}

void Server::Implementation::listen_on(FileDescriptor descriptor) {
  auto listener = std::make_shared<Listener>(loop_);
  listener->descriptor.assign(descriptor.release());
  listener->descriptor.non_blocking(true);
  listeners_.push_back(listener);
  wait(listener);
}

void Server::Implementation::wait(std::shared_ptr<Listener> listener) {
  listener->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                  [self = shared_from_this(), listener](error_code code) {
                                    if (code || self->stopped_) return;
                                    if (self->accept(listener->descriptor.native_handle())) return self->wait(listener);
                                    // Out of descriptors: the connection stays in the queue; trying again at once would
                                    // spin.
                                    listener->pause.expires_after(std::chrono::milliseconds(50));
                                    listener->pause.async_wait([self, listener](error_code cancelled) {
                                      if (!cancelled && !self->stopped_) self->wait(listener);
                                    });
                                  });
}

bool Server::Implementation::accept(int listener) {
  for (;;) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    FileDescriptor socket(
        ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    if (peer.ss_family != AF_UNIX) tune(socket.get());
    Stream stream(loop_.get_executor());
    stream.socket().assign(Protocol(peer.ss_family, 0), socket.get());
    socket.release();
    auto connection = std::make_shared<Connection>(
        std::move(stream), handler_, options_,
        [weak = weak_from_this()](std::shared_ptr<Cuttable> upgraded) {
          if (auto self = weak.lock()) self->remember(std::move(upgraded));
        },
        presence_);
    remember(connection);
    connection->read();
  }
}

void Server::Implementation::remember(std::shared_ptr<Cuttable> connection) {
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  connections_.push_back(connection);
}

void Server::Implementation::close_listeners() {
  for (const auto& listener : listeners_) {
    error_code ignored;
    listener->descriptor.close(ignored);
    listener->pause.cancel();
  }
  listeners_.clear();
}

void Server::Implementation::drain(std::function<void()> drained) {
  // What the kernel has accepted is under way for the client, which would see it reset.
  for (const auto& listener : listeners_) accept(listener->descriptor.native_handle());
  stopped_ = true;
  close_listeners();
  draining_ = presence_;
  presence_->gone = [&loop = loop_, drained = std::move(drained)] { asio::post(loop, drained); };
  presence_.reset();
  for (const auto& weak : connections_) {
    if (auto connection = weak.lock()) connection->drain();
  }
}

void Server::Implementation::stop() {
  stopped_ = true;
  close_listeners();
  if (auto presence = draining_.lock()) presence->gone = nullptr;
  for (const auto& weak : std::exchange(connections_, {})) {
    if (auto connection = weak.lock()) connection->cut();
  }
}

Server::Server(asio::io_context& loop, Handler handler, ServerOptions options)
    : implementation_(std::make_shared<Implementation>(loop, std::move(handler), options)) {}

Server::~Server() {
  implementation_->stop();
}

uint16_t Server::listen(const Endpoint& endpoint) {
  return implementation_->listen(endpoint);
}

void Server::listen_on_descriptor(int descriptor) {
  implementation_->listen_on(FileDescriptor(descriptor));
}

void Server::stop() {
  implementation_->stop();
}

void Server::drain(std::function<void()> drained) {
  implementation_->drain(std::move(drained));
}

}  // namespace base::http
