#include "agents/proxy/rules.h"

#include <algorithm>

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

std::string text_of(const RuleSet& rules) {
  std::string text;
  for (const auto& [name, table] : rules) {
    IptablesTable lines(name);
    for (const Chain& chain : table.chains) {
      lines.chain(chain.name);
      for (const std::string& rule : chain.rules) lines.append(chain.name, rule);
    }
    for (const Jump& jump : table.jumps) lines.prepend(jump.from, jump.rule());
    text += lines.text();
  }
  return text;
}

std::vector<std::string> names_of(const RuleSet& rules) {
  std::vector<std::string> names;
  for (const auto& [name, table] : rules) {
    for (const Chain& chain : table.chains) names.push_back(name + " " + chain.name);
    for (const Jump& jump : table.jumps) names.push_back(name + " " + jump.from + " -> " + jump.to);
  }
  return names;
}

}  // namespace

std::string Jump::rule() const {
  return "-m comment --comment " + netfilter::quote_comment(comment) + " -j " + to;
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

RuleSet RuleProgrammer::missing_of(const RuleSet& desired) const {
  RuleSet missing;
  for (const auto& [name, table] : desired) {
    for (const Chain& chain : table.chains) {
      if (!holds(name, chain)) missing[name].chains.push_back(chain);
    }
    for (const Jump& jump : table.jumps) {
      if (!holds(name, jump)) missing[name].jumps.push_back(jump);
    }
  }
  return missing;
}

std::vector<std::string> RuleProgrammer::apply(const RuleSet& desired) {
  if (known_ && missing_of(desired).empty()) return {};
  // What is written from here on changes the fingerprint: what others have done must be known before.
  verify();
  RuleSet missing = missing_of(desired);
  if (missing.empty()) return {};
  kernel_.restore_rules(text_of(missing));
  remember(missing);
  return names_of(missing);
}

void RuleProgrammer::remember(const RuleSet& written) {
  RuleSet again;
  for (const auto& [name, table] : written) {
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
  fingerprint_ = kernel_.rules_fingerprint();
  if (again.empty()) return;
  // Written a second time: either somebody had changed them, or they are printed otherwise than they were written.
  known_ = kernel_.read_rules();
  for (const auto& [name, table] : again) {
    for (const Chain& chain : table.chains) {
      const std::vector<std::string>* rules = find_chain(name, chain.name);
      if (rules != nullptr && *rules != chain.rules) spelling_[chain.rules] = *rules;
    }
  }
}

void RuleProgrammer::remove(const RuleSet& ours) {
  known_ = kernel_.read_rules();
  std::string text;
  for (const auto& [name, table] : ours) {
    IptablesTable lines(name);
    for (const Jump& jump : table.jumps) {
      const std::vector<std::string>* rules = find_chain(name, jump.from);
      for (const std::string& rule : rules == nullptr ? std::vector<std::string>() : *rules) {
        if (is_jump(rule, jump)) lines.remove(jump.from, rule);
      }
    }
    // Declaring a chain empties it; once all are empty none refers to another.
    for (const Chain& chain : table.chains) {
      if (find_chain(name, chain.name) == nullptr) continue;
      lines.chain(chain.name);
      lines.delete_chain(chain.name);
    }
    if (!lines.empty()) text += lines.text();
  }
  if (!text.empty()) kernel_.restore_rules(text);
  known_.reset();
  written_.clear();
}

}  // namespace proxy
