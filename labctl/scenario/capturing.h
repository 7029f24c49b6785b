// Captures of a scenario: recorded in the node by the program capture, which stays there.
#pragma once

#include "labctl/scenario/access.h"
#include "labctl/scenario/resolver.h"
#include "labctl/topology/topology.h"

namespace scenario {

// Returns once everything is captured. Throws where the node has no such link.
void start_capture(LabAccess& access, Resolver& resolver, const topology::Capture& capture);

}  // namespace scenario
