// The filter expressions of a topology's scenario.
#pragma once

#include "labctl/topology/topology.h"

namespace lab {

// Throws topology::InvalidTopology where libpcap cannot compile one. Here and not in the topology's own checks: the
// lab's first process makes those, too, and an embedded kernel would load libpcap and all that it needs for it. Those
// with
// ${references} are checked when they are known.
void check_filters(const topology::Topology& topology);

}  // namespace lab
