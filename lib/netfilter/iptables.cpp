#include "lib/netfilter/iptables.h"

#include <fmt/format.h>

#include <optional>

#include "lib/base/error.h"
#include "lib/base/run.h"

namespace netfilter {
namespace {

constexpr size_t max_comment = 255;
const char* const probe_chain = "LABCTL-PROBE";

std::string_view next_line(std::string_view& text) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// What VARIANT says against serving RULES; nothing where it serves them.
std::optional<std::string> objection(const Iptables& candidate, const std::vector<std::string>& rules) {
  IptablesTable table("nat");
  table.chain(probe_chain);
  for (const std::string& rule : rules) table.append(probe_chain, rule);
  IptablesTable clean("nat");
  clean.chain(probe_chain);
  clean.delete_chain(probe_chain);
  try {
    candidate.restore(table.text() + clean.text());
    return std::nullopt;
  } catch (const base::Error& error) {
    return error.what();
  }
}

bool holds_chains(const Iptables& candidate, const std::string& prefix) {
  for (const auto& [chain, rules] : candidate.rules("nat")) {
    if (chain.compare(0, prefix.size(), prefix) == 0) return true;
  }
  return false;
}

}  // namespace

void IptablesTable::chain(const std::string& chain) {
  chains_.push_back(chain);
}
void IptablesTable::append(const std::string& chain, const std::string& rule) {
  lines_.push_back("-A " + chain + " " + rule);
}
void IptablesTable::prepend(const std::string& chain, const std::string& rule) {
  lines_.push_back("-I " + chain + " " + rule);
}
void IptablesTable::remove(const std::string& chain, const std::string& rule) {
  lines_.push_back("-D " + chain + " " + rule);
}
void IptablesTable::delete_chain(const std::string& chain) {
  lines_.push_back("-X " + chain);
}

std::string IptablesTable::text() const {
  std::string text = "*" + name_ + "\n";
  for (const std::string& chain : chains_) text += ":" + chain + " - [0:0]\n";
  for (const std::string& line : lines_) text += line + "\n";
  return text + "COMMIT\n";
}

std::string quote_comment(const std::string& comment) {
  std::string quoted = "\"";
  for (char character : comment.substr(0, max_comment)) {
    if (character == '"' || character == '\'' || character == '\\') quoted += '\\';
    quoted += character;
  }
  return quoted + "\"";
}

IptablesRules parse_save(std::string_view text) {
  IptablesRules rules;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.substr(0, 1) == ":") {
      rules.try_emplace(std::string(line.substr(1, line.find(' ') - 1)));
    } else if (line.substr(0, 3) == "-A ") {
      line.remove_prefix(3);
      size_t end = line.find(' ');
      std::string rule(end == std::string_view::npos ? std::string_view() : line.substr(end + 1));
      rules[std::string(line.substr(0, end))].push_back(std::move(rule));
    }
  }
  return rules;
}

std::map<std::string, IptablesRules> parse_save_tables(std::string_view text) {
  std::map<std::string, IptablesRules> tables;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.substr(0, 1) != "*") continue;
    size_t end = text.find("\n*");
    tables[std::string(line.substr(1))] = parse_save(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return tables;
}

Iptables Iptables::choose(Family family, const std::vector<std::string>& probe_rules, const std::string& chain_prefix) {
  if (!kernel_has_nf_tables()) return Iptables(family, Variant::legacy);
  std::vector<Iptables> serving;
  std::string objections;
  for (Variant variant : {Variant::nft, Variant::legacy}) {
    Iptables candidate(family, variant);
    if (auto words = objection(candidate, probe_rules)) {
      objections += (objections.empty() ? "" : "; ") + *words;
    } else {
      serving.push_back(candidate);
    }
  }
  if (serving.empty()) throw base::Error("choose the variant of iptables that the kernel serves: " + objections);
  if (!chain_prefix.empty() && serving.size() > 1) {
    for (const Iptables& candidate : serving) {
      if (holds_chains(candidate, chain_prefix)) return candidate;
    }
  }
  return serving.front();
}

std::string Iptables::program(const std::string& suffix) const {
  std::string name = family_ == Family::ipv4 ? "iptables-" : "ip6tables-";
  return name + (variant_ == Variant::nft ? "nft" : "legacy") + suffix;
}

void Iptables::restore(const std::string& text) const {
  std::vector<std::string> command{program("-restore"), "--noflush"};
  // The nft variant has transactions instead of a lock, and warns about -w.
  if (variant_ == Variant::legacy) command.insert(command.end(), {"-w", "5"});
  base::run_checked(command, text);
}

std::string Iptables::save(const std::string& table) const {
  return base::run_checked({program("-save"), "-t", table});
}

std::map<std::string, IptablesRules> Iptables::tables() const {
  return parse_save_tables(base::run_checked({program("-save")}));
}

}  // namespace netfilter
