// One request, by a connection of its own, from its beginning to what became of it.
#pragma once

#include <chrono>
#include <cstddef>

#include "labctl/scenario/probe/outcome.h"
#include "labctl/scenario/probe/target.h"

namespace probe {

struct RequestOptions {
  std::chrono::milliseconds timeout{5000};  // of all of it, looking up the name included
  size_t body_limit = size_t{64} * 1024;
  bool read_line = false;  // tcp: what the server says first is waited for
};

// Throws base::Error where the probe itself cannot run; a request that fails is an outcome.
Outcome make_request(Protocol protocol, const Target& target, const RequestOptions& options);

}  // namespace probe
