// The state that explains a failure.
#pragma once

#include <vector>

#include "labctl/scenario/access.h"
#include "labctl/scenario/result.h"
#include "labctl/topology/topology.h"

namespace scenario {

// For a step that failed. Never throws: what cannot be had is left out.
std::vector<Evidence> explain(LabAccess& access, const topology::Topology& topology, const topology::Step& step);

// Processes that are not as they should be, with the end of what they wrote.
std::vector<Evidence> troubled_processes(LabAccess& access);

}  // namespace scenario
