// One command that someone runs in a node: a WebSocket on one side, pipes or a terminal on the other.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "labctl/supervisor/node.h"
#include "labctl/supervisor/reaper.h"
#include "lib/base/http.h"

namespace supervisor {

// Finds a node or pod by name; nullptr where there is none.
using FindNode = std::function<std::shared_ptr<Node>(const std::string& name)>;

// Channels of the WebSocket's binary messages, by first byte; 0 to 4 are Kubernetes' (remotecommand).
enum class Channel : char { input = 0, output = 1, error = 2, status = 3, resize = 4, signal = 5 };

// The first text message says what to run:
//   {"node", "argv": […], "tty": bool, "env": {}, "cwd", "rows", "cols"}
// An empty message on channel input ends the input. The last message is on channel status:
//   {"exit": N}, {"signal": N} or {"error": "…"}. A client that goes away ends the command with SIGHUP.
void serve_exec(boost::asio::io_context& loop, Reaper& reaper, FindNode find_node,
                std::shared_ptr<base::http::WebSocket> client);

// Carries bytes between the WebSocket and a TCP connection made from inside the node.
void serve_forward(boost::asio::io_context& loop, Node& node, const std::string& address, std::uint16_t port,
                   std::shared_ptr<base::http::WebSocket> client);

}  // namespace supervisor
