// The iptables rules of an overlay: what leaves the cluster is masqueraded, what stays inside is not, and pods' packets
// are forwarded whatever the policy of FORWARD is. Chains, rules and comments are flannel's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/netfilter/iptables.h"
#include "lib/netlink/address.h"

namespace overlay {

// A chain of our own, the built-in one that jumps to it, and its rules in the words that iptables-save would choose.
struct RuleSet {
  std::string table;
  std::string parent;
  std::string chain;
  std::string comment;
  std::vector<std::string> rules;

  std::string jump() const;
  bool operator==(const RuleSet&) const = default;
};

// nat/FLANNEL-POSTRTG. NETWORK is that of all pods, SUBNET that of this node's.
RuleSet masquerade_rules(const netlink::Prefix& network, const netlink::Prefix& subnet);
// filter/FLANNEL-FWD.
RuleSet forward_rules(const netlink::Prefix& network);

class TrafficRules {
 public:
  // Writes SETS where they are missing or differ; returns the chains that it wrote. Costs next to nothing where nobody
  // has changed the tables since the last time.
  std::vector<std::string> ensure(const std::vector<RuleSet>& sets);

 private:
  std::optional<std::uint64_t> fingerprint() const;

  std::optional<netfilter::Iptables> iptables_;  // chosen with the first use
  std::vector<RuleSet> ensured_;
  std::optional<std::uint64_t> ensured_fingerprint_;
};

}  // namespace overlay
