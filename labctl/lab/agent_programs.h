// Agents of the user's own (`cluster: {proxy: {run: /home/me/build/my-proxy}}`): a lab does not see home directories,
// and yet is to see these programs.
#pragma once

#include <string>
#include <vector>

#include "labctl/kernel/lab.h"
#include "labctl/topology/topology.h"

namespace lab {

// The read-only mounts that show a lab the agents' programs which would be hidden from it: of each its folder, so that
// a rebuilt program is seen too (a mount of the file alone would go on showing the old one); or the file alone, where
// its folder is a home directory or /tmp itself. None where the topology's own mounts show the program already. Throws
// BadInput where there is no such program, and for a relative path.
std::vector<kernel::Mount> mounts_of_agent_programs(const topology::Topology& topology);

}  // namespace lab
