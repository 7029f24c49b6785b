// Rules of policy routing: which routing table is asked for which packets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/netlink/address.h"

namespace netlink {

class Socket;

// What is not given matches every packet.
struct Rule {
  int family = 2;  // AF_INET
  std::optional<Prefix> from;
  std::optional<Prefix> to;
  std::optional<std::uint32_t> mark;  // of netfilter
  std::uint32_t mask = 0xffffffff;    // the bits of the mark that count
  std::string input;                  // the link that the packet came by
  std::string output;                 // the link that the sender's socket is bound to
  std::uint32_t table = 0;
  std::optional<std::uint32_t> priority;  // the least is asked first; without one, it is before all others but local's

  bool operator==(const Rule&) const = default;
};

// Returns its priority, which the kernel chooses where RULE has none.
std::uint32_t add_rule(Socket& socket, const Rule& rule);
// The first that matches: what RULE does not say may be anything, its priority, too (fib_nl_delrule()).
void delete_rule(Socket& socket, const Rule& rule);
// Of FAMILY, AF_INET or AF_INET6; only those that ask a table.
std::vector<Rule> list_rules(Socket& socket, int family);

// "from 10.0.0.0/24 iif lan lookup 100 priority 1000", as ip-rule(8) has it.
std::string rule_words(const Rule& rule);

}  // namespace netlink
