#include <boost/asio/post.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "lib/base/http_beast.h"

namespace base::http {
namespace {

using namespace detail;
namespace protocol = boost::beast::http;

struct Connection {
  explicit Connection(asio::io_context& loop) : stream(loop.get_executor()) {}
  Stream stream;
  beast::flat_buffer buffer;
};

// What a client's calls share; outlives the client while one of them is under way.
struct Shared {
  Shared(asio::io_context& io, Endpoint server, ClientOptions client_options)
      : loop(io), endpoint(std::move(server)), options(std::move(client_options)) {}

  std::string host() const {
    if (endpoint.is_unix()) return "localhost";
    return endpoint.text().substr(sizeof "http://" - 1);
  }

  asio::io_context& loop;
  Endpoint endpoint;
  ClientOptions options;
  static constexpr size_t idle_limit = 8;
  std::vector<std::unique_ptr<Connection>> idle;
};

// What every kind of call begins with: a connection.
class CallBase : public Call, public std::enable_shared_from_this<CallBase> {
 public:
  CallBase(std::shared_ptr<Shared> shared, std::string doing) : shared_(std::move(shared)), doing_(std::move(doing)) {}

  void cancel() override {
    cancelled_ = true;
    release_callbacks();
    close();
  }

 protected:
  virtual void connected() = 0;
  virtual void failed(Error error) = 0;
  virtual void release_callbacks() = 0;

  void connect() {
    std::vector<Protocol::endpoint> addresses;
    try {
      addresses = resolve(shared_->endpoint);
    } catch (const Error& error) {
      return fail(error);
    }
    try_address(std::make_shared<std::vector<Protocol::endpoint>>(std::move(addresses)), 0);
  }

  void close() {
    if (!connection_) return;
    error_code ignored;
    connection_->stream.socket().close(ignored);
  }

  // Never from inside the call that started it.
  void fail(Error error) {
    asio::post(shared_->loop, [self = shared_from_this(), error = error.within(doing_)] {
      if (!self->cancelled_) self->failed(error);
    });
  }

  template <class Body>
  void fill(protocol::request<Body>& message, Request& request) {
    message.version(11);
    message.method_string(request.method);
    message.target(request.target);
    message.set(protocol::field::host, shared_->host());
    message.set(protocol::field::user_agent, "labctl");
    for (const auto& [name, value] : shared_->options.headers) message.set(name, value);
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = std::move(request.body);
    message.prepare_payload();
  }

  std::shared_ptr<Shared> shared_;
  std::string doing_;
  std::unique_ptr<Connection> connection_;
  bool cancelled_ = false;

 private:
  void try_address(std::shared_ptr<std::vector<Protocol::endpoint>> addresses, size_t index) {
    connection_ = std::make_unique<Connection>(shared_->loop);
    const Protocol::endpoint& address = (*addresses)[index];
    try {
      FileDescriptor socket = open_socket(address);
      connection_->stream.socket().assign(address.protocol(), socket.get());
      socket.release();
    } catch (const Error& error) {
      return fail(error);
    }
    connection_->stream.expires_after(shared_->options.connect_timeout);
    connection_->stream.async_connect(address, [self = shared_from_this(), addresses, index](error_code code) {
      if (self->cancelled_) return;
      if (code && index + 1 < addresses->size()) return self->try_address(addresses, index + 1);
      if (code) return self->fail(to_error("connect to " + self->shared_->endpoint.text(), code));
      self->connection_->stream.expires_never();
      self->connected();
    });
  }
};

class RequestCall : public CallBase {
 public:
  RequestCall(std::shared_ptr<Shared> shared, Request request, Client::Done done)
      : CallBase(std::move(shared), request.method + " " + request.target), done_(std::move(done)) {
    head_ = request.method == "HEAD";
    fill(message_, request);
  }

  void start() {
    if (shared_->idle.empty()) return connect();
    connection_ = std::move(shared_->idle.back());
    shared_->idle.pop_back();
    reused_ = true;
    connected();
  }

 private:
  std::shared_ptr<RequestCall> self() { return std::static_pointer_cast<RequestCall>(shared_from_this()); }

  void connected() override {
    if (shared_->options.request_timeout.count() > 0) {
      connection_->stream.expires_after(shared_->options.request_timeout);
    }
    protocol::async_write(connection_->stream, message_, [self = self()](error_code code, size_t) {
      if (self->cancelled_) return;
      // A server that refuses a large body may answer before it has read all of it.
      if (code && self->reused_) return self->try_again();
      self->write_error_ = code;
      self->read();
    });
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(shared_->options.body_limit);
    if (head_) parser_->skip(true);
    protocol::async_read(connection_->stream, connection_->buffer, *parser_, [self = self()](error_code code, size_t) {
      if (self->cancelled_) return;
      if (code) return self->read_failed(code);
      self->finish();
    });
  }

  // The server may have closed a kept-alive connection just when it was used again.
  void try_again() {
    reused_ = false;
    close();
    connect();
  }

  void read_failed(const error_code& code) {
    if (reused_ && !parser_->got_some() && code != beast::error::timeout) return try_again();
    close();
    if (write_error_) return fail(to_error("send", write_error_));
    fail(code == protocol::error::end_of_stream ? Error("the server closed the connection without an answer")
                                                : to_error("receive", code));
  }

  void finish() {
    auto message = parser_->release();
    connection_->stream.expires_never();
    bool keep = message.keep_alive() && !write_error_ && shared_->idle.size() < Shared::idle_limit;
    if (keep) shared_->idle.push_back(std::move(connection_));
    Response response;
    response.status = static_cast<int>(message.result_int());
    response.headers = copy_headers(message);
    response.content_type = response.header("Content-Type");
    response.body = std::move(message.body());
    auto done = std::move(done_);
    done_ = nullptr;
    if (done) done({std::move(response), std::nullopt});
  }

  void failed(Error error) override {
    auto done = std::move(done_);
    done_ = nullptr;
    if (done) done({std::nullopt, std::move(error)});
  }
  void release_callbacks() override { done_ = nullptr; }

  Client::Done done_;
  bool head_ = false;
  bool reused_ = false;
  error_code write_error_;
  protocol::request<protocol::string_body> message_;
  std::optional<protocol::response_parser<protocol::string_body>> parser_;
};

class StreamCall : public CallBase {
 public:
  StreamCall(std::shared_ptr<Shared> shared, Request request, Client::StreamCallbacks callbacks)
      : CallBase(std::move(shared), request.method + " " + request.target), callbacks_(std::move(callbacks)) {
    fill(message_, request);
  }
  void start() { connect(); }

 private:
  std::shared_ptr<StreamCall> self() { return std::static_pointer_cast<StreamCall>(shared_from_this()); }

  void connected() override {
    protocol::async_write(connection_->stream, message_, [self = self()](error_code code, size_t) {
      if (self->cancelled_) return;
      if (code) return self->fail(to_error("send", code));
      self->read_head();
    });
  }

  void read_head() {
    parser_.body_limit(boost::none);
    if (shared_->options.request_timeout.count() > 0) {
      connection_->stream.expires_after(shared_->options.request_timeout);
    }
    protocol::async_read_header(connection_->stream, connection_->buffer, parser_,
                                [self = self()](error_code code, size_t) {
                                  if (self->cancelled_) return;
                                  if (code) return self->fail(to_error("receive", code));
                                  self->connection_->stream.expires_never();
                                  self->take_head();
                                });
  }

  void take_head() {
    head_.status = static_cast<int>(parser_.get().result_int());
    head_.headers = copy_headers(parser_.get());
    head_.content_type = head_.header("Content-Type");
    if (head_.status == 200 && callbacks_.on_head) {
      auto callback = callbacks_.on_head;
      callback(head_);
    }
    read_some();
  }

  void read_some() {
    if (cancelled_) return;
    if (parser_.is_done()) return finish();
    parser_.get().body().data = piece_.data();
    parser_.get().body().size = piece_.size();
    parser_.get().body().more = true;
    protocol::async_read_some(connection_->stream, connection_->buffer, parser_,
                              [self = self()](error_code code, size_t) {
                                if (self->cancelled_) return;
                                if (code == protocol::error::need_buffer) code = {};
                                if (code) return self->fail(to_error("receive", code));
                                size_t size = self->piece_.size() - self->parser_.get().body().size;
                                self->take(std::string_view(self->piece_.data(), size));
                                self->read_some();
                              });
  }

  void take(std::string_view data) {
    if (head_.status != 200) {
      head_.body += data;
      return;
    }
    auto keep_alive = self();  // a callback may drop everything
    if (callbacks_.on_data) {
      auto callback = callbacks_.on_data;
      if (!data.empty()) callback(data);
      return;
    }
    for (size_t end = data.find('\n'); end != std::string_view::npos; end = data.find('\n')) {
      if (line_.empty()) {
        deliver(data.substr(0, end));
      } else {
        line_ += data.substr(0, end);
        std::string line = std::exchange(line_, {});
        deliver(line);
      }
      if (cancelled_) return;
      data.remove_prefix(end + 1);
    }
    line_ += data;
  }

  void deliver(std::string_view line) {
    if (auto callback = callbacks_.on_line) callback(line);
  }

  void finish() {
    if (!line_.empty()) deliver(line_);
    if (cancelled_) return;
    if (head_.status != 200 && callbacks_.on_head) {
      auto callback = callbacks_.on_head;
      callback(head_);
    }
    if (!cancelled_) end(std::nullopt);
  }

  void end(std::optional<Error> error) {
    close();
    auto callback = std::move(callbacks_.on_end);
    release_callbacks();
    if (callback) callback(std::move(error));
  }

  void failed(Error error) override { end(std::move(error)); }
  void release_callbacks() override { callbacks_ = {}; }

  Client::StreamCallbacks callbacks_;
  protocol::request<protocol::string_body> message_;
  protocol::response_parser<protocol::buffer_body> parser_;
  Response head_;
  std::vector<char> piece_ = std::vector<char>(64 * 1024);
  std::string line_;
};

class WebSocketCall : public CallBase {
 public:
  WebSocketCall(std::shared_ptr<Shared> shared, std::string target, Headers headers, Client::Connected done)
      : CallBase(std::move(shared), "connect"),
        target_(std::move(target)),
        headers_(std::move(headers)),
        done_(std::move(done)) {}
  void start() { connect(); }

 private:
  void connected() override {
    Headers headers = shared_->options.headers;
    headers.insert(headers_.begin(), headers_.end());
    auto self = std::static_pointer_cast<WebSocketCall>(shared_from_this());
    connect_websocket(std::move(connection_->stream), shared_->host(), target_, headers,
                      [self](std::shared_ptr<WebSocket> socket, std::optional<Error> error) {
                        if (self->cancelled_) return socket ? socket->close() : void();
                        auto done = std::move(self->done_);
                        self->done_ = nullptr;
                        if (done) done(std::move(socket), std::move(error));
                      });
  }
  void failed(Error error) override {
    auto done = std::move(done_);
    done_ = nullptr;
    if (done) done(nullptr, std::move(error));
  }
  void release_callbacks() override { done_ = nullptr; }

  std::string target_;
  Headers headers_;
  Client::Connected done_;
};

}  // namespace

class Client::Implementation : public Shared {
  using Shared::Shared;
};

Client::Client(asio::io_context& loop, Endpoint endpoint, ClientOptions options)
    : implementation_(std::make_shared<Implementation>(loop, std::move(endpoint), std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const Endpoint& Client::endpoint() const {
  return implementation_->endpoint;
}

std::shared_ptr<Call> Client::request(Request request, Done done) {
  auto call = std::make_shared<RequestCall>(implementation_, std::move(request), std::move(done));
  call->start();
  return call;
}

std::shared_ptr<Call> Client::stream(Request request, StreamCallbacks callbacks) {
  auto call = std::make_shared<StreamCall>(implementation_, std::move(request), std::move(callbacks));
  call->start();
  return call;
}

std::shared_ptr<Call> Client::connect_websocket(const std::string& target, Connected connected, Headers headers) {
  auto call = std::make_shared<WebSocketCall>(implementation_, target, std::move(headers), std::move(connected));
  call->start();
  return call;
}

Response fetch(const Endpoint& endpoint, Request request, ClientOptions options) {
  asio::io_context loop;
  Client client(loop, endpoint, std::move(options));
  Outcome outcome;
  client.request(std::move(request), [&](Outcome result) {
    outcome = std::move(result);
    loop.stop();
  });
  loop.run();
  return outcome.value();
}

Response get(const Endpoint& endpoint, const std::string& target) {
  Request request;
  request.target = target;
  return fetch(endpoint, std::move(request));
}

Response post(const Endpoint& endpoint, const std::string& target, std::string body, const std::string& content_type) {
  Request request;
  request.method = "POST";
  request.target = target;
  request.body = std::move(body);
  request.headers.emplace("Content-Type", content_type);
  return fetch(endpoint, std::move(request));
}

Response fetch_stream(const Endpoint& endpoint, Request request, std::function<bool(std::string_view)> on_data) {
  asio::io_context loop;
  Client client(loop, endpoint);
  Response head;
  std::optional<Error> failure;
  Client::StreamCallbacks callbacks;
  callbacks.on_head = [&](const Response& response) { head = response; };
  callbacks.on_data = [&](std::string_view data) {
    if (!on_data(data)) loop.stop();
  };
  callbacks.on_end = [&](std::optional<Error> error) {
    failure = std::move(error);
    loop.stop();
  };
  client.stream(std::move(request), std::move(callbacks));
  loop.run();
  if (failure) throw *failure;
  return head;
}

}  // namespace base::http
