// A command in a node that is run to its end, for those who want no more than how it came out.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "labctl/supervisor/node.h"
#include "labctl/supervisor/reaper.h"

namespace supervisor {

struct CommandOutcome {
  int exit_code = -1;  // -1: it took too long, and was killed
  std::string output;  // what it wrote to both streams, the first 64 KiB
};

// Throws base::Error where it cannot be started. DONE is called once. INPUT is what it reads.
void run_to_end(boost::asio::io_context& loop, Reaper& reaper, Node& node, std::vector<std::string> arguments,
                std::chrono::milliseconds timeout, std::function<void(CommandOutcome)> done,
                const std::string& input = {});

}  // namespace supervisor
