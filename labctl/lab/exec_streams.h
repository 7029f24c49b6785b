// A command in a node with descriptors of the caller's for its streams: what `labctl exec` and `labctl cp` are made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "labctl/lab/exec_session.h"

namespace lab {

// Borrowed; none is made non-blocking, as others may share them.
struct ExecStreams {
  int input = -1;         // -1: none
  int output = -1;        // -1: dropped
  int error_output = -1;  // -1: kept, up to 16 KiB, in ExecResult::said
  // SIGINT, SIGTERM, SIGHUP and SIGQUIT go to the command instead of ending us. Where it has a terminal, SIGTERM and
  // SIGHUP end the call if the command has not ended 2 s later: interactive shells ignore SIGTERM.
  bool pass_signals = false;
  // Asked after each SIGWINCH, where the command has a terminal.
  std::function<WindowSize()> window_size = nullptr;
  // Told how many bytes of input or output have passed altogether.
  std::function<void(std::uint64_t)> on_progress = nullptr;
};

struct ExecResult {
  int exit_code = 0;
  std::string could_not_start;  // why, where it never ran
  std::string said;             // its error output, where that was kept
};

// Returns when the command has ended and its output is written. Whoever reads our output and goes away ends the
// command, and gives 128 + SIGPIPE. Throws base::Error where the lab is gone or the output cannot be written.
ExecResult exec_with_streams(const LabFolder& folder, const ExecRequest& request, const ExecStreams& streams);

}  // namespace lab
