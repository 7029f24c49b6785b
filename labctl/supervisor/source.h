// What a lab is made from, as the bundle has it.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "labctl/topology/topology.h"

namespace supervisor {

// Of {"topology": {"path", "text"}, …}. Throws topology::InvalidTopology.
topology::Topology read_topology(const boost::json::object& bundle);
// Of {"files": {PATH: TEXT}, …}.
std::map<std::string, std::string> files_of(const boost::json::object& bundle);
// A file with OBJECTS as a List.
void write_list(const std::string& path, const std::vector<boost::json::object>& objects);

}  // namespace supervisor
