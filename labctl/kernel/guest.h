// The first steps of the supervisor where it is the init of an embedded kernel: `supervisor --guest`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "lib/base/file_descriptor.h"

namespace kernel {

// What PID 1 of a lab starts with, on the host's kernel by inheritance (descriptors 3, 4 and 5), in a guest by this.
struct LabDescriptors {
  base::FileDescriptor bundle;    // JSON, at its beginning
  base::FileDescriptor listener;  // listening unix socket of the control API
  base::FileDescriptor progress;  // NDJSON lines to whoever starts the lab; then to be closed
};

// Takes the inherited ones (host provider), marks them close-on-exec.
LabDescriptors inherited_descriptors();

// The guest's side of the line to the host. Lives as long as the supervisor; works in its io_context.
class Guest {
 public:
  // Mounts, devices, hostname, loopback, the line to the host, then the modules for the needs in the bundle.
  // Reports phases to the host meanwhile; throws base::Error, which the host has been told then.
  explicit Guest(boost::asio::io_context& context);
  ~Guest();
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  LabDescriptors take_descriptors();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// Ends the guest, and with it the lab, in order: where PID 1 of a guest exits, its kernel panics.
[[noreturn]] void power_off_guest();

}  // namespace kernel
