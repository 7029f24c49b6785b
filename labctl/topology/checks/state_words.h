// The words in which the kernel's tables are written. An expectation with another word could never find a row, and one
// of "no such row" would hold for nothing.
#pragma once

#include <string>
#include <vector>

namespace topology {

// Each returns nothing, or what is wrong. Words with ${references} are known when the lab runs.

// As conntrack(8) writes them: "tcp ESTABLISHED src=10.0.0.1 [ASSURED]".
std::string refuse_connection_words(const std::vector<std::string>& words);
// As `ip route` writes them: "10.1.0.0/16 via 10.0.0.2 dev lan".
std::string refuse_route_words(const std::vector<std::string>& words);
// As `ip -details link` writes it: "vxlan".
std::string refuse_link_kind(const std::string& kind);

}  // namespace topology
