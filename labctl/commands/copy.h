// Copies files between here and a node, by a tar in the node and one here. Both are read with suspicion: a node's
// archive may have been made by anybody.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "labctl/commands/place.h"
#include "labctl/lab/control.h"

namespace commands {

struct CopyOptions {
  bool recursive = false;
  std::function<void(std::uint64_t bytes)> on_progress;
};

// As cp(1): into DESTINATION where that is a folder, else to that name. Permissions are kept, owners are not. An
// existing file is replaced at once, by a whole one. Throw base::Error naming the path that was refused.
void copy_in(lab::Control& control, const std::string& source, const NodePlace& destination,
             const CopyOptions& options);
// Set-id bits, devices and the like are left behind, so that nothing a lab made has rights here.
void copy_out(lab::Control& control, const NodePlace& source, const std::string& destination,
              const CopyOptions& options);

}  // namespace commands
