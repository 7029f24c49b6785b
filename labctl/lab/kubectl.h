// The host's kubectl against a lab's API server, in a throw-away network namespace whose loopback leads there: nobody
// else on the host can use that way, and kubectl can reach nothing else. The user's files are there as ever (`-f
// web.yaml`).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "labctl/lab/control.h"

namespace lab {

// With our own standard streams and terminal, in our process group: Ctrl-C is kubectl's to deal with. SIGTERM and
// SIGHUP are passed on. Returns its exit code, 128 + the signal that ended it. Throws base::Error where the lab has no
// API server or is gone, CannotRun where kubectl is not installed.
int run_kubectl(Control& control, const std::vector<std::string>& arguments);

// To its end, its outputs in memory. INPUT is what it reads with `-f -`.
CommandResult capture_kubectl(Control& control, const std::vector<std::string>& arguments,
                              const std::string& input = {},
                              std::optional<std::chrono::milliseconds> timeout = std::nullopt);

}  // namespace lab
