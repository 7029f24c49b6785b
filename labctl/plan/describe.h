// The words for a plan's objects that its text, its JSON and its commands share.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "labctl/plan/plan.h"

namespace plan {

// "10.0.0.0/8 via 192.168.1.1 dev lan", as ip-route(8) has it.
std::string route_words(const AddRoute& route);
// "nat", "dr", "tun".
const char* forwarding_word(topology::Forwarding forward);

// All that an operation or a process says, as `labctl plan --json` has it.
boost::json::object operation_json(const Operation& operation);
boost::json::object process_json(const Process& process);

}  // namespace plan
