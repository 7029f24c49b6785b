#include "agents/proxy/linux_tables.h"

#include <utility>

namespace proxy {
namespace {

using netfilter::Iptables;

Iptables choose(Family family, const std::vector<std::string>& more) {
  std::vector<std::string> rules{"-m addrtype --dst-type LOCAL -j RETURN", "-m conntrack --ctstate NEW -j RETURN",
                                 "-m mark --mark 0x4000/0x4000 -j RETURN",
                                 "-m comment --comment \"masquerade at random\" -j MASQUERADE --random-fully"};
  rules.insert(rules.end(), more.begin(), more.end());
  return Iptables::choose(family == Family::ipv4 ? Iptables::Family::ipv4 : Iptables::Family::ipv6, rules, "KUBE-");
}

}  // namespace

LinuxTables::LinuxTables(Family family, std::vector<std::string> tables, const std::vector<std::string>& probe_rules)
    : iptables_(choose(family, probe_rules)), tables_(std::move(tables)) {}

}  // namespace proxy
