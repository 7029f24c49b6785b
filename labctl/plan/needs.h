// From a plan to the interfaces of the kernel that it needs, each with the objects that asked for it.
#pragma once

#include "labctl/plan/plan.h"

namespace plan {

std::vector<Need> needs_of(const topology::Topology& topology, const Plan& plan);
// The programs of the host that its daemons are.
std::vector<NeededProgram> programs_of(const topology::Topology& topology);

}  // namespace plan
