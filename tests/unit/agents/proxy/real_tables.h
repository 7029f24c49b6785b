// The tables of this machine's kernel, by one variant of iptables.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agents/proxy/rules.h"
#include "lib/netfilter/iptables.h"

namespace proxy {

class RealTables : public TablesInKernel {
 public:
  explicit RealTables(netfilter::Iptables iptables) : iptables_(iptables) {}
  RealTables(Family family, netfilter::Iptables::Variant variant)
      : iptables_(family == Family::ipv4 ? netfilter::Iptables::Family::ipv4 : netfilter::Iptables::Family::ipv6,
                  variant) {}

  std::map<std::string, netfilter::IptablesRules> read_rules() override { return iptables_.tables(); }
  void restore_rules(const std::string& text) override {
    iptables_.restore(text);
    ++writes;
    last_text = text;
  }
  std::optional<std::uint64_t> rules_fingerprint() override { return iptables_.fingerprint({"nat", "filter"}); }

  int writes = 0;
  std::string last_text;

 private:
  netfilter::Iptables iptables_;
};

}  // namespace proxy
