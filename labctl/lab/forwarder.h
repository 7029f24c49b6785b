// Carries TCP connections into a lab: what is accepted here goes on from inside a node, by the control API's `forward`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "labctl/lab/runtime.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace boost::asio {
class io_context;
}

namespace lab {

struct ForwardTarget {
  std::string node;  // or pod
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
};

// Lives as long as it is to accept. A slow side holds the other back; memory does not grow.
class Forwarder {
 public:
  // LISTENER is a listening TCP socket. FAILED is told of each connection that could not be made, or was cut by the
  // lab's end; the peer's connection is reset then.
  Forwarder(boost::asio::io_context& loop, LabFolder folder, ForwardTarget target, base::FileDescriptor listener,
            std::function<void(const base::Error&)> failed);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;
};

}  // namespace lab
