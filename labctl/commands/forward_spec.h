// What `labctl forward` is to forward: [ADDRESS:]PORT:NODE:[ADDRESS:]PORT.
#pragma once

#include <cstdint>
#include <string>

#include "labctl/lab/forwarder.h"

namespace commands {

struct ForwardSpec {
  std::string address = "127.0.0.1";  // here
  std::uint16_t port = 0;             // here; 0: the kernel's choice
  lab::ForwardTarget target;
};

// IPv6 addresses stand in brackets. Throws base::Error with the mend.
ForwardSpec parse_forward(const std::string& text);

}  // namespace commands
