// A cluster becomes processes: the agents, on the nodes where the real ones would run.
#pragma once

#include "labctl/plan/plan.h"

namespace plan {

void add_cluster(const topology::Topology& topology, Plan& plan);

}  // namespace plan
