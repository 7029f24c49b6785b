// Starts a process of the plan in its node, with its files, its limits and its user.
#pragma once

#include <sys/types.h>

#include <vector>

#include "labctl/plan/plan.h"
#include "labctl/supervisor/node.h"
#include "lib/base/file_descriptor.h"

namespace supervisor {

// WRITTEN are files that it has already in this life of its node: what the node has changed in them stays. Throws
// base::Error where it cannot be started.
pid_t start_process(Node& node, const plan::Process& process, const std::vector<topology::File>& written,
                    const base::FileDescriptor& output);

}  // namespace supervisor
