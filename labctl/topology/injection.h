// A fault as the control API and people have it.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <utility>

#include "labctl/topology/scenario.h"

namespace topology {

// As a scenario has it: {"linkDown": "ds:lan"}.
boost::json::object to_json(const Injection& what);
// The same read again. Throws base::Error with everything that is wrong with it.
Injection parse_injection(const boost::json::object& json);

// "link ds:lan is down": what is the case while it is on. Of what does not stay on, what it does: "restart node ds".
std::string describe(const Injection& what);

// Of a link, written NODE:LINK: node (or pod) and link.
std::pair<std::string, std::string> split_link(const std::string& link);

}  // namespace topology
