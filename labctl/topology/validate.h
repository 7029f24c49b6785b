// What no single value shows: references, addresses against each other, cycles. Completes what the file left out.
#pragma once

#include "labctl/topology/topology.h"

namespace topology {

// Fills in what follows (an address gets its network's length, a link its network) and adds every fault there is.
void validate(Topology& topology, Faults& faults);

}  // namespace topology
