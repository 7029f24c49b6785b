// iptables rules as they should be, and what makes the kernel's equal to them with the fewest changes.
//
// Rules are written as iptables-save prints them, so that they can be compared with what the kernel holds. A chain that
// differs is written anew, at one instant; all others keep their rules and counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/netfilter/iptables.h"

namespace proxy {

// A rule in one of the kernel's own chains that leads to one of ours. It is put in front.
struct Jump {
  std::string from;
  std::string to;
  std::string comment;

  std::string rule() const;
};

struct Chain {
  std::string name;
  std::vector<std::string> rules;
};

struct Table {
  std::vector<Chain> chains;
  std::vector<Jump> jumps;  // in the order in which they are put in front: the last one comes first
};

using RuleSet = std::map<std::string, Table>;  // by name: "nat", "filter"

// The kernel's tables, for one family.
class TablesInKernel {
 public:
  virtual ~TablesInKernel() = default;
  virtual std::map<std::string, netfilter::IptablesRules> read_rules() = 0;
  // All tables of TEXT, each at once.
  virtual void restore_rules(const std::string& text) = 0;
  // A number that changes when the rules do; nothing where that is not known.
  virtual std::optional<std::uint64_t> rules_fingerprint() = 0;
};

class RuleProgrammer {
 public:
  explicit RuleProgrammer(TablesInKernel& kernel) : kernel_(kernel) {}

  // Looks whether somebody has changed the tables; they are read anew then.
  void verify();
  // Names what was written: "nat KUBE-SERVICES", "nat PREROUTING -> KUBE-SERVICES". Empty where all was right.
  std::vector<std::string> apply(const RuleSet& desired);
  // Deletes the chains and jumps of OURS, whatever they hold now.
  void remove(const RuleSet& ours);

 private:
  bool holds(const std::string& table, const Chain& chain) const;
  bool holds(const std::string& table, const Jump& jump) const;
  const std::vector<std::string>* find_chain(const std::string& table, const std::string& chain) const;
  RuleSet missing_of(const RuleSet& desired) const;
  void remember(const RuleSet& written);

  TablesInKernel& kernel_;
  std::optional<std::map<std::string, netfilter::IptablesRules>> known_;
  std::optional<std::uint64_t> fingerprint_;
  // The rules that were written last, by table and chain.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> written_;
  // Rules as they were written → as this version of iptables prints them, where the two differ.
  std::map<std::vector<std::string>, std::vector<std::string>> spelling_;
};

}  // namespace proxy
