// iptables rules with what they have counted, of whichever variant holds them. For looking, not for programming.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/netfilter/iptables.h"

namespace netfilter {

struct CountedRule {
  std::string program;  // "iptables-legacy"
  std::string chain;
  std::string rule;  // "-s 127.0.0.0/8 -j RETURN", without "-A CHAIN"
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

// The rules of TABLE in their order; those of the nft variant first. A table that is not in use is not brought to life:
// the kernel would hook it into every packet's way.
std::vector<CountedRule> counted_rules(Iptables::Family family, const std::string& table);

// What `iptables-save -c` prints of one table.
std::vector<CountedRule> parse_counted_save(const std::string& program, std::string_view text);

}  // namespace netfilter
