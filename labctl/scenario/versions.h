// Which versions of the field's tools a lab has.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "labctl/scenario/access.h"

namespace scenario {

// Of those that are there: {"iproute2", "6.1.0"}. Asked once, in the first node that answers: a lab's nodes all see the
// host's programs. Never throws: what cannot be had is left out.
std::vector<std::pair<std::string, std::string>> tool_versions(LabAccess& access);

}  // namespace scenario
