// HTTP/1.1 and WebSocket, server and client, over TCP and unix sockets, on one single-threaded Asio event loop.
//
// Threading: everything belongs to the thread that runs the io_context; callbacks come from there, never from inside
// the call that registers them. Every descriptor is close-on-exec.
// Errors: what can fail at once (listen, parse an address) throws base::Error; what fails later reaches a callback.
// Lifetime: objects handed out as shared_ptr may be kept or dropped; a connection keeps itself alive until it is
// closed, and drops its callbacks then, so that a callback may own the object that it belongs to.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

namespace boost::asio {
class io_context;
}

namespace base::http {

struct CaseInsensitiveLess {
  using is_transparent = void;
  bool operator()(std::string_view left, std::string_view right) const;
};
using Headers = std::multimap<std::string, std::string, CaseInsensitiveLess>;
using Query = std::multimap<std::string, std::string, std::less<>>;

// Percent-encodes everything but unreserved characters: for one path segment or one query value.
std::string encode(std::string_view text);
std::string decode(std::string_view text);
// "a=1&b=x%20y"
std::string encode(const Query& query);

// Where a server listens or a client connects to.
struct Endpoint {
  // ADDRESS is an IPv4 or IPv6 address; clients also take a host name (looked up blocking: /etc/hosts is meant).
  static Endpoint tcp(std::string address, uint16_t port);
  static Endpoint unix_socket(std::string path);
  // "http://192.168.113.10:8080", "http://[fd00::1]:8080", "http://cp:8080/", "10.0.0.1:80", "unix:/run/x.sock",
  // "/run/x.sock".
  static Endpoint parse(std::string_view text);

  bool is_unix() const { return !path.empty(); }
  // "http://192.168.113.10:8080" or "unix:/run/x.sock".
  std::string text() const;

  std::string address;
  uint16_t port = 0;
  std::string path;
};

struct Request {
  std::string method = "GET";
  // Percent-encoded path and query as on the wire: "/v1/nodes/a%2Fb?follow=1". The only one of the three a client sets.
  std::string target = "/";
  // Filled in by the server from the target.
  std::string path;  // decoded, without the query
  Query query;       // decoded
  Headers headers;
  std::string body;
  // "192.168.113.102:43210", "[fd00::2]:43210", or "unix".
  std::string peer;
  std::string local;  // the address that it was reached at, in the same form

  // The path split at '/' first and decoded then, so that a segment may contain an encoded '/': {"v1", "nodes", "a/b"}.
  std::vector<std::string> segments() const;
  // The first value of a query parameter or header; empty where there is none.
  std::string parameter(std::string_view name) const;
  bool has_parameter(std::string_view name) const;
  std::string header(std::string_view name) const;
  bool is_websocket_upgrade() const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;  // others; Content-Length and Connection are set by the library

  std::string header(std::string_view name) const;
};

// A response body that is written piece by piece (chunked): watches, logs.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // Queues DATA, nothing is copied twice. Ignored once closed.
  virtual void write(std::string data) = 0;
  // Ends the body properly once the queue has been written.
  virtual void finish() = 0;
  // Cuts the connection at once: for readers that are too slow.
  virtual void abort() = 0;
  // Bytes accepted by write() that the kernel has not taken yet.
  virtual size_t backlog() const = 0;
  virtual bool closed() const = 0;
  // Called once when the peer is gone, or after finish() when all is written.
  virtual void on_closed(std::function<void()> callback) = 0;
  // Called each time the backlog has become empty: a producer that waits for it never holds more than one piece.
  virtual void on_drained(std::function<void()> callback) = 0;
};

// One WebSocket connection, of a server or a client; whole messages.
// Backpressure: nothing is read between pause() and resume(), so that the peer's kernel buffers fill; and a producer
// that stops when writable() is false, until on_writable, never queues more than high_water plus one message.
class WebSocket {
 public:
  static constexpr size_t high_water = 256 * 1024;
  static constexpr size_t low_water = 64 * 1024;

  virtual ~WebSocket() = default;
  virtual void on_message(std::function<void(std::string data, bool binary)> callback) = 0;
  // Called once, with the reason in words; after a proper close, the peer's own, or none.
  virtual void on_closed(std::function<void(const std::string& reason)> callback) = 0;
  // Called when the backlog falls to low_water after writable() had been false.
  virtual void on_writable(std::function<void()> callback) = 0;
  // Reading starts paused: register the callbacks, then resume(). At most one more message may be delivered after
  // pause(); it has been read already.
  virtual void resume() = 0;
  virtual void pause() = 0;
  virtual void send_binary(std::string data) = 0;
  virtual void send_text(std::string data) = 0;
  virtual size_t backlog() const = 0;
  bool writable() const { return backlog() < high_water; }
  // Closes after what is queued has been written; a peer that does not answer is cut after 5 s. REASON: ≤ 123 bytes.
  virtual void close(const std::string& reason = {}) = 0;
  virtual bool closed() const = 0;
};

// One request that waits for its answer. Exactly one of respond, stream, upgrade_websocket is to be called, at once or
// later; one that is dropped without is answered with 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual Request& request() = 0;
  virtual void respond(Response response) = 0;
  // Sends the head (its body is the first piece); what follows is written to the stream.
  virtual std::shared_ptr<ResponseStream> stream(Response head) = 0;
  // Answers with the handshake; CALLBACK gets the connection, or nothing is called where the peer is gone by then.
  // The first of the peer's Sec-WebSocket-Protocol offers that is PROTOCOL is accepted, when not empty.
  virtual void upgrade_websocket(std::function<void(std::shared_ptr<WebSocket>)> callback,
                                 const std::string& protocol = {}) = 0;
};

// What leaves it as an exception is answered with 500 and the exception's words as text.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

struct ServerOptions {
  size_t body_limit = 64 * 1024 * 1024;    // larger ones are answered with 413
  std::chrono::seconds idle_timeout{120};  // of a kept-alive connection between requests
  unsigned socket_mode = 0600;             // of a unix socket made by listen()
};

// Stops listening and cuts all its connections when destroyed.
class Server {
 public:
  Server(boost::asio::io_context& loop, Handler handler, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // May be called several times. A stale unix socket is replaced. Returns the port (for port 0: the kernel's choice).
  uint16_t listen(const Endpoint& endpoint);
  // Takes over a socket on which listen(2) has been called: TCP or unix.
  void listen_on_descriptor(int descriptor);
  // Cuts connections and stops accepting.
  void stop();
  // Stops accepting, closes the connections that wait for a further request, and the others after their answer.
  // DRAINED is called once none is left; WebSockets are not waited for.
  void drain(std::function<void()> drained);

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;
};

// A call under way. Dropping the handle does not end it; cancel() does, and no callback comes after it.
class Call {
 public:
  virtual ~Call() = default;
  virtual void cancel() = 0;
};

// What became of a request: a response (of any status), or an error (refused, cut, timed out) in words.
struct Outcome {
  std::optional<Response> response;
  std::optional<Error> error;
  bool ok() const { return response.has_value(); }
  // The response, or throws the error.
  const Response& value() const;
};

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds request_timeout{30000};  // until the whole response is there; not for streams; 0: none
  size_t body_limit = 64 * 1024 * 1024;
  Headers headers;  // sent with every request
};

// Asynchronous client of one server. Connections are kept alive and reused; as many as there are calls at a time.
// Destroying it cancels nothing that is under way.
class Client {
 public:
  Client(boost::asio::io_context& loop, Endpoint endpoint, ClientOptions options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  const Endpoint& endpoint() const;

  using Done = std::function<void(Outcome)>;
  std::shared_ptr<Call> request(Request request, Done done);

  struct StreamCallbacks {
    // Status and headers. Where the status is not 200, lines are not delivered: the body comes with on_head instead.
    std::function<void(const Response&)> on_head;
    // Without its newline; the last one may have had none.
    std::function<void(std::string_view line)> on_line;
    // Instead of lines where set: the pieces as they come.
    std::function<void(std::string_view data)> on_data;
    // Called once: nullopt where the server ended the body properly.
    std::function<void(std::optional<Error>)> on_end;
  };
  // On a connection of its own.
  std::shared_ptr<Call> stream(Request request, StreamCallbacks callbacks);

  // A server that refuses the upgrade gives an Error with its status and body.
  using Connected = std::function<void(std::shared_ptr<WebSocket>, std::optional<Error>)>;
  std::shared_ptr<Call> connect_websocket(const std::string& target, Connected connected, Headers headers = {});

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;
};

// Blocking calls for command-line tools, each on an event loop of its own. Throw Error where no response came.
Response fetch(const Endpoint& endpoint, Request request, ClientOptions options = {});
Response get(const Endpoint& endpoint, const std::string& target);
Response post(const Endpoint& endpoint, const std::string& target, std::string body = {},
              const std::string& content_type = "application/json");
// Calls ON_DATA with the pieces of the body until its end, or until ON_DATA returns false. Returns the head (with the
// body where the status is not 200, and ON_DATA is not called then).
Response fetch_stream(const Endpoint& endpoint, Request request, std::function<bool(std::string_view)> on_data);

}  // namespace base::http
