// The kernel's tables of a node, read there by the program inspect.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "labctl/scenario/access.h"

namespace scenario {

// What `inspect WORDS…` prints in PLACE. Throws where the kernel there has no such table.
boost::json::object inspect(LabAccess& access, const std::string& place, const std::vector<std::string>& words);

// A number of one of its objects, however JSON has it.
std::uint64_t count_at(const boost::json::object& object, const char* key);

}  // namespace scenario
