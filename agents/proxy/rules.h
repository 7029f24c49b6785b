// iptables rules as they should be, and what makes the kernel's equal to them with the fewest changes.
//
// Rules are written as iptables-save prints them, so that they can be compared with what the kernel holds. A chain that
// differs is written anew; all others keep their rules and counters. Each table changes at one instant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/proxy/service_port.h"
#include "lib/netfilter/iptables.h"

namespace proxy {

// A rule in one of the kernel's own chains that leads to one of ours. It is put in front.
struct Jump {
  std::string from;
  std::string to;
  std::string comment = {};  // may be empty
  std::string match = {};    // "-m conntrack --ctstate NEW"; empty: every packet

  std::string rule() const;
};

struct Chain {
  std::string name;
  std::vector<std::string> rules;
  std::string owner = {};  // the Service and port that it is for, where it is for one
};

struct Table {
  std::vector<Chain> chains;
  std::vector<Jump> jumps;  // in the order in which they are put in front: the last one comes first
  // Chains whose names begin so are ours ("KUBE-SVC-"): those that CHAINS does not have are to go.
  std::vector<std::string> prefixes = {};
};

using RuleSet = std::map<std::string, Table>;  // by name: "nat", "filter"

// "-m comment --comment "TEXT" ": the part of a rule, with the space behind it.
std::string comment(const std::string& text);

// RULES without the chains and jumps that KEPT has, too.
RuleSet without(const RuleSet& rules, const RuleSet& kept);

// What iptables-restore makes RULES of.
std::string restore_text(const RuleSet& rules);
// The same as commands that a person would type.
std::string to_shell(const RuleSet& rules, Family family);

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
  // They are read anew before the next change, whatever the kernel says of them.
  void forget() { known_.reset(); }
  // Names what was written: "nat KUBE-SERVICES", "nat KUBE-SVC-… (default/web)", "nat PREROUTING -> KUBE-SERVICES",
  // "nat KUBE-SEP-… (deleted)". Empty where all was right. What fails is forgotten.
  std::vector<std::string> apply(const RuleSet& desired);
  // Deletes the chains and jumps of OURS, whatever they hold now. Names them as apply() does.
  std::vector<std::string> remove(const RuleSet& ours);

 private:
  struct Changes {
    RuleSet written;
    std::map<std::string, std::vector<std::string>> deleted;  // chains, by table

    bool empty() const { return written.empty() && deleted.empty(); }
    std::string text() const;
    std::vector<std::string> names() const;
  };

  bool holds(const std::string& table, const Chain& chain) const;
  bool holds(const std::string& table, const Jump& jump) const;
  const std::vector<std::string>* find_chain(const std::string& table, const std::string& chain) const;
  Changes changes_to(const RuleSet& desired) const;
  std::vector<std::string> stale_chains(const std::string& table, const Table& desired) const;
  void remember(const Changes& done);
  void learn_spelling(const RuleSet& rules);

  TablesInKernel& kernel_;
  std::optional<std::map<std::string, netfilter::IptablesRules>> known_;
  std::optional<std::uint64_t> fingerprint_;
  // The rules that were written last, by table and chain.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> written_;
  // Rules as they were written → as this version of iptables prints them, where the two differ.
  std::map<std::vector<std::string>, std::vector<std::string>> spelling_;
};

}  // namespace proxy
