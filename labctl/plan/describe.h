// The words for a plan's objects that its text, its JSON and its commands share.
#pragma once

#include <string>

#include "labctl/plan/plan.h"

namespace plan {

// "10.0.0.0/8 via 192.168.1.1 dev lan", as ip-route(8) has it.
std::string route_words(const AddRoute& route);
// "nat", "dr", "tun".
const char* forwarding_word(topology::Forwarding forward);

}  // namespace plan
