#include "agents/proxy/rules.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace proxy {
namespace {

using netfilter::IptablesTable;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Whatever else a version of iptables prints, these two are there.
bool is_jump(const std::string& rule, const Jump& jump) {
  return ends_with(rule, "-j " + jump.to) && rule.find(jump.comment) != std::string::npos;
}

bool begins_with_any(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return name.compare(0, prefix.size(), prefix) == 0; });
}

bool has_chain(const Table& table, const std::string& name) {
  return std::any_of(table.chains.begin(), table.chains.end(), [&](const Chain& chain) { return chain.name == name; });
}

void add_lines(IptablesTable& lines, const Table& table) {
  for (const Chain& chain : table.chains) {
    lines.chain(chain.name);
    for (const std::string& rule : chain.rules) lines.append(chain.name, rule);
  }
  for (const Jump& jump : table.jumps) lines.prepend(jump.from, jump.rule());
}

// Declaring a chain empties it: chains that go may refer to each other.
void add_deletion(IptablesTable& lines, const std::string& chain) {
  lines.chain(chain);
  lines.delete_chain(chain);
}

// "KUBE-SERVICES" of "-m comment --comment "…" -j KUBE-SERVICES".
std::string target_of(const std::string& rule) {
  size_t at = rule.rfind("-j ");
  return at == std::string::npos ? "" : rule.substr(at + 3, rule.find(' ', at + 3) - at - 3);
}

// Those of PRESENT that are TABLE's.
std::vector<std::string> chains_of(const Table& table, const netfilter::IptablesRules& present) {
  std::vector<std::string> chains;
  for (const auto& [chain, rules] : present) {
    if (has_chain(table, chain) || begins_with_any(chain, table.prefixes)) chains.push_back(chain);
  }
  return chains;
}

// The jumps of TABLE, and whatever else leads to CHAINS from other chains: while something does, the kernel keeps them.
std::vector<std::pair<std::string, std::string>> ways_to(const std::vector<std::string>& chains, const Table& table,
                                                         const netfilter::IptablesRules& present) {
  auto goes = [&](const std::string& name) { return std::find(chains.begin(), chains.end(), name) != chains.end(); };
  std::vector<std::pair<std::string, std::string>> ways;
  for (const auto& [chain, rules] : present) {
    if (goes(chain)) continue;
    for (const std::string& rule : rules) {
      bool ours = std::any_of(table.jumps.begin(), table.jumps.end(),
                              [&, from = chain](const Jump& jump) { return jump.from == from && is_jump(rule, jump); });
      if (ours || goes(target_of(rule))) ways.emplace_back(chain, rule);
    }
  }
  return ways;
}

// Inside double quotes a shell leaves the backslash before an apostrophe standing, iptables-restore does not.
std::string for_shell(std::string rule) {
  for (size_t at = rule.find("\\'"); at != std::string::npos; at = rule.find("\\'", at)) rule.erase(at, 1);
  return rule;
}

}  // namespace

std::string comment(const std::string& text) {
  return "-m comment --comment " + netfilter::quote_comment(text) + " ";
}

std::string Jump::rule() const {
  return (match.empty() ? "" : match + " ") + (comment.empty() ? "" : proxy::comment(comment)) + "-j " + to;
}

RuleSet without(const RuleSet& rules, const RuleSet& kept) {
  RuleSet rest;
  for (const auto& [name, table] : rules) {
    auto found = kept.find(name);
    const Table other = found == kept.end() ? Table() : found->second;
    Table& left = rest[name];
    left.prefixes = table.prefixes;
    std::copy_if(table.chains.begin(), table.chains.end(), std::back_inserter(left.chains),
                 [&](const Chain& chain) { return !has_chain(other, chain.name); });
    std::copy_if(table.jumps.begin(), table.jumps.end(), std::back_inserter(left.jumps), [&](const Jump& jump) {
      return std::none_of(other.jumps.begin(), other.jumps.end(),
                          [&](const Jump& one) { return one.from == jump.from && one.rule() == jump.rule(); });
    });
  }
  return rest;
}

std::string restore_text(const RuleSet& rules) {
  std::string text;
  for (const auto& [name, table] : rules) {
    IptablesTable lines(name);
    add_lines(lines, table);
    text += lines.text();
  }
  return text;
}

std::string to_shell(const RuleSet& rules, Family family) {
  const std::string program = family == Family::ipv4 ? "iptables" : "ip6tables";
  std::string text;
  for (const auto& [name, table] : rules) {
    const std::string prefix = program + " -t " + name + " ";
    for (const Chain& chain : table.chains) text += prefix + "-N " + chain.name + "\n";
    for (const Chain& chain : table.chains) {
      for (const std::string& rule : chain.rules) text += prefix + "-A " + chain.name + " " + for_shell(rule) + "\n";
    }
    for (const Jump& jump : table.jumps) text += prefix + "-I " + jump.from + " " + for_shell(jump.rule()) + "\n";
  }
  return text;
}

std::string RuleProgrammer::Changes::text() const {
  std::map<std::string, IptablesTable> tables;
  for (const auto& [name, table] : written) add_lines(tables.try_emplace(name, name).first->second, table);
  for (const auto& [name, chains] : deleted) {
    for (const std::string& chain : chains) add_deletion(tables.try_emplace(name, name).first->second, chain);
  }
  std::string text;
  for (const auto& [name, lines] : tables) text += lines.text();
  return text;
}

std::vector<std::string> RuleProgrammer::Changes::names() const {
  std::vector<std::string> names;
  for (const auto& [name, table] : written) {
    for (const Chain& chain : table.chains) {
      names.push_back(name + " " + chain.name + (chain.owner.empty() ? "" : " (" + chain.owner + ")"));
    }
    for (const Jump& jump : table.jumps) names.push_back(name + " " + jump.from + " -> " + jump.to);
  }
  for (const auto& [name, chains] : deleted) {
    for (const std::string& chain : chains) names.push_back(name + " " + chain + " (deleted)");
  }
  return names;
}

void RuleProgrammer::verify() {
  std::optional<std::uint64_t> fingerprint = kernel_.rules_fingerprint();
  if (known_ && fingerprint && fingerprint == fingerprint_) return;
  known_ = kernel_.read_rules();
  fingerprint_ = fingerprint;
}

const std::vector<std::string>* RuleProgrammer::find_chain(const std::string& table, const std::string& chain) const {
  auto found_table = known_->find(table);
  if (found_table == known_->end()) return nullptr;
  auto found = found_table->second.find(chain);
  return found == found_table->second.end() ? nullptr : &found->second;
}

bool RuleProgrammer::holds(const std::string& table, const Chain& chain) const {
  const std::vector<std::string>* rules = find_chain(table, chain.name);
  if (rules == nullptr) return false;
  if (*rules == chain.rules) return true;
  auto spelled = spelling_.find(chain.rules);
  return spelled != spelling_.end() && spelled->second == *rules;
}

bool RuleProgrammer::holds(const std::string& table, const Jump& jump) const {
  const std::vector<std::string>* rules = find_chain(table, jump.from);
  return rules != nullptr &&
         std::any_of(rules->begin(), rules->end(), [&](const std::string& rule) { return is_jump(rule, jump); });
}

std::vector<std::string> RuleProgrammer::stale_chains(const std::string& table, const Table& desired) const {
  auto found = known_->find(table);
  if (desired.prefixes.empty() || found == known_->end()) return {};
  std::set<std::string> wanted;
  for (const Chain& chain : desired.chains) wanted.insert(chain.name);
  std::vector<std::string> stale;
  for (const auto& [chain, rules] : found->second) {
    if (begins_with_any(chain, desired.prefixes) && wanted.count(chain) == 0) stale.push_back(chain);
  }
  return stale;
}

RuleProgrammer::Changes RuleProgrammer::changes_to(const RuleSet& desired) const {
  Changes changes;
  for (const auto& [name, table] : desired) {
    for (const Chain& chain : table.chains) {
      if (!holds(name, chain)) changes.written[name].chains.push_back(chain);
    }
    for (const Jump& jump : table.jumps) {
      if (!holds(name, jump)) changes.written[name].jumps.push_back(jump);
    }
    std::vector<std::string> stale = stale_chains(name, table);
    if (!stale.empty()) changes.deleted[name] = std::move(stale);
  }
  return changes;
}

std::vector<std::string> RuleProgrammer::apply(const RuleSet& desired) {
  if (known_ && changes_to(desired).empty()) return {};
  // What is written from here on changes the fingerprint: what others have done must be known before.
  verify();
  Changes changes = changes_to(desired);
  if (changes.empty()) return {};
  try {
    kernel_.restore_rules(changes.text());
  } catch (...) {
    // One table may have been written, the next one not.
    forget();
    throw;
  }
  remember(changes);
  return changes.names();
}

void RuleProgrammer::remember(const Changes& done) {
  RuleSet again;
  for (const auto& [name, table] : done.written) {
    for (const Chain& chain : table.chains) {
      std::vector<std::string>& last = written_[{name, chain.name}];
      if (last == chain.rules) again[name].chains.push_back(chain);
      last = chain.rules;
      (*known_)[name][chain.name] = chain.rules;
    }
    for (const Jump& jump : table.jumps) {
      std::vector<std::string>& rules = (*known_)[name][jump.from];
      rules.insert(rules.begin(), jump.rule());
    }
  }
  for (const auto& [name, chains] : done.deleted) {
    for (const std::string& chain : chains) {
      (*known_)[name].erase(chain);
      written_.erase({name, chain});
    }
  }
  fingerprint_ = kernel_.rules_fingerprint();
  if (!again.empty()) learn_spelling(again);
}

// Written a second time: either somebody had changed them, or they are printed otherwise than they were written.
void RuleProgrammer::learn_spelling(const RuleSet& rules) {
  known_ = kernel_.read_rules();
  for (const auto& [name, table] : rules) {
    for (const Chain& chain : table.chains) {
      const std::vector<std::string>* printed = find_chain(name, chain.name);
      if (printed != nullptr && *printed != chain.rules) spelling_[chain.rules] = *printed;
    }
  }
}

std::vector<std::string> RuleProgrammer::remove(const RuleSet& ours) {
  known_ = kernel_.read_rules();
  std::vector<std::string> removed;
  std::string text;
  for (const auto& [name, table] : ours) {
    IptablesTable lines(name);
    const netfilter::IptablesRules& present = (*known_)[name];
    std::vector<std::string> chains = chains_of(table, present);
    for (const auto& [chain, rule] : ways_to(chains, table, present)) {
      lines.remove(chain, rule);
      removed.push_back(name + " " + chain + " -> " + target_of(rule));
    }
    for (const std::string& chain : chains) {
      add_deletion(lines, chain);
      removed.push_back(name + " " + chain);
    }
    if (!lines.empty()) text += lines.text();
  }
  if (!text.empty()) kernel_.restore_rules(text);
  forget();
  written_.clear();
  return removed;
}

}  // namespace proxy
