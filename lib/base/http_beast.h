// What the files of the HTTP library share; private to them. Keeps Beast out of http.h.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"
#include "lib/base/http.h"

namespace base::http::detail {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

// One type for TCP and unix sockets.
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;

// What a server cuts when it stops.
class Cuttable {
 public:
  virtual ~Cuttable() = default;
  virtual void cut() = 0;
  // To end after what is under way.
  virtual void drain() {}
};

// The socket addresses of an endpoint; host names are looked up. Throws Error.
std::vector<Protocol::endpoint> resolve(const Endpoint& endpoint);
// A new close-on-exec socket for such an address.
FileDescriptor open_socket(const Protocol::endpoint& address);
// No Nagle; a peer that vanished (its node was killed) is noticed within 15 s. Does nothing for unix sockets.
void tune(int descriptor);

Error to_error(const std::string& doing, const error_code& code);
Headers copy_headers(const beast::http::fields& fields);

// Answers the handshake of REQUEST on STREAM. CALLBACK is not called where that fails.
std::shared_ptr<Cuttable> accept_websocket(Stream stream, beast::http::request<beast::http::string_body> request,
                                           const std::string& protocol,
                                           std::function<void(std::shared_ptr<WebSocket>)> callback);
// Shakes hands over a connected STREAM.
void connect_websocket(Stream stream, const std::string& host, const std::string& target, const Headers& headers,
                       std::function<void(std::shared_ptr<WebSocket>, std::optional<Error>)> callback);

}  // namespace base::http::detail
