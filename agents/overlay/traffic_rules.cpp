#include "agents/overlay/traffic_rules.h"

#include <algorithm>
#include <map>

namespace overlay {
namespace {

// Set by kube-proxy on what it will masquerade itself; twice would be wrong, and was (flannel issue 1279).
const std::string kube_proxy_mark = "-m mark --mark 0x4000/0x4000 ";

// A jump counts wherever it stands: kube-proxy puts its own in front of everybody's.
bool contains(const netfilter::IptablesRules& rules, const std::string& chain, const std::string& rule) {
  auto found = rules.find(chain);
  return found != rules.end() && std::find(found->second.begin(), found->second.end(), rule) != found->second.end();
}

bool is_in_place(const RuleSet& set, const netfilter::IptablesRules& present) {
  auto own = present.find(set.chain);
  return own != present.end() && own->second == set.rules && contains(present, set.parent, set.jump());
}

netfilter::IptablesTable table_for(const RuleSet& set, const netfilter::IptablesRules& present) {
  netfilter::IptablesTable table(set.table);
  table.chain(set.chain);
  for (const std::string& rule : set.rules) table.append(set.chain, rule);
  if (!contains(present, set.parent, set.jump())) table.append(set.parent, set.jump());
  return table;
}

}  // namespace

std::string RuleSet::jump() const {
  return "-m comment --comment " + netfilter::quote_comment(comment) + " -j " + chain;
}

RuleSet masquerade_rules(const netlink::Prefix& network, const netlink::Prefix& subnet) {
  RuleSet set{"nat", "POSTROUTING", "FLANNEL-POSTRTG", "flanneld masq", {}};
  const std::string all = network.network().to_string();
  const std::string own = subnet.network().to_string();
  const std::string because = "-m comment --comment " + netfilter::quote_comment(set.comment) + " -j ";
  set.rules = {kube_proxy_mark + because + "RETURN",
               // Between pods nothing is rewritten.
               "-s " + own + " -d " + all + " " + because + "RETURN",
               "-s " + all + " -d " + own + " " + because + "RETURN",
               // From outside to a pod of this node, the source address stays.
               "! -s " + all + " -d " + own + " " + because + "RETURN",
               "-s " + all + " ! -d 224.0.0.0/4 " + because + "MASQUERADE --random-fully",
               // From this node's own addresses to a pod elsewhere: the answer must come back through the overlay.
               "! -s " + all + " -d " + all + " " + because + "MASQUERADE --random-fully"};
  return set;
}

RuleSet forward_rules(const netlink::Prefix& network) {
  RuleSet set{"filter", "FORWARD", "FLANNEL-FWD", "flanneld forward", {}};
  const std::string all = network.network().to_string();
  const std::string because = "-m comment --comment " + netfilter::quote_comment(set.comment) + " -j ";
  set.rules = {"-s " + all + " " + because + "ACCEPT", "-d " + all + " " + because + "ACCEPT"};
  return set;
}

std::optional<std::uint64_t> TrafficRules::fingerprint() const {
  return iptables_->fingerprint({"filter", "nat"});
}

std::vector<std::string> TrafficRules::ensure(const std::vector<RuleSet>& sets) {
  if (sets.empty()) return {};
  if (!iptables_) {
    // Two variants in one kernel both apply: the one that a kube-proxy has chosen is ours, too.
    iptables_ = netfilter::Iptables::choose(netfilter::Iptables::Family::ipv4, sets.front().rules, "KUBE-");
  }
  std::optional<std::uint64_t> before = fingerprint();
  if (sets == ensured_ && before && before == ensured_fingerprint_) return {};
  // Programs are slow to start in user-mode Linux, and a node is not ready before this is done: one reads everything,
  // and one writes everything.
  std::map<std::string, netfilter::IptablesRules> present = iptables_->tables();
  std::vector<std::string> written;
  std::string text;
  for (const RuleSet& set : sets) {
    if (is_in_place(set, present[set.table])) continue;
    text += table_for(set, present[set.table]).text();
    written.push_back(set.table + "/" + set.chain);
  }
  if (!text.empty()) iptables_->restore(text);
  ensured_ = sets;
  // Only a look that found everything in place is remembered, with what the tables were before it: so that no change
  // of somebody else's is missed.
  ensured_fingerprint_ = written.empty() ? before : std::nullopt;
  return written;
}

}  // namespace overlay
