// Packets as people read them: one line each.
#pragma once

#include <string>
#include <vector>

#include "lib/packets/pcapng.h"

namespace packets {

// "12:00:01.123456 ds:lan IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], …", as tcpdump says it; where there is none, only
// how long they are. Numbers are not looked up. INTERFACES are those that the packets' numbers mean.
std::vector<std::string> in_words(const std::vector<Interface>& interfaces, const std::vector<Packet>& packets);

}  // namespace packets
