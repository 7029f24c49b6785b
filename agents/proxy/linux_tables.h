// The tables of the kernel of the calling process's network namespace, by the variant of iptables that it serves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/proxy/rules.h"
#include "agents/proxy/service_port.h"
#include "lib/netfilter/iptables.h"

namespace proxy {

class LinuxTables : public TablesInKernel {
 public:
  // TABLES: those whose changes the fingerprint tells of. PROBE_RULES beside those of every mode must be served, too.
  LinuxTables(Family family, std::vector<std::string> tables, const std::vector<std::string>& probe_rules);

  std::string program() const { return iptables_.program(); }  // "iptables-legacy"

  std::map<std::string, netfilter::IptablesRules> read_rules() override { return iptables_.tables(); }
  void restore_rules(const std::string& text) override { iptables_.restore(text); }
  std::optional<std::uint64_t> rules_fingerprint() override { return iptables_.fingerprint(tables_); }

 private:
  netfilter::Iptables iptables_;
  std::vector<std::string> tables_;
};

}  // namespace proxy
