#include <sys/socket.h>

#include <charconv>
#include <sstream>

#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// "from 10.0.0.0/24 lookup 100", as ip-rule(8) has them

const std::vector<std::string>& rule_words() {
  static const std::vector<std::string> words{"from",   "to",    "fwmark",   "iif", "oif",
                                              "lookup", "table", "priority", "pref"};
  return words;
}

// Decimal, or hexadecimal after "0x".
std::optional<std::uint32_t> parse_mark(std::string_view text) {
  int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  std::uint32_t mark = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), mark, base);
  bool number = failure == std::errc() && end == text.data() + text.size();
  return number ? std::optional(mark) : std::nullopt;
}

std::string take_mark(const std::string& value, netlink::Rule& rule) {
  size_t slash = value.find('/');
  rule.mark = parse_mark(std::string_view(value).substr(0, slash));
  std::optional<std::uint32_t> mask = rule.mask;
  if (slash != std::string::npos) mask = parse_mark(std::string_view(value).substr(slash + 1));
  if (!rule.mark || !mask) return fmt::format("\"{}\" after fwmark is not a mark (1, 0x10, 0x10/0xf0)", value);
  rule.mask = *mask;
  return "";
}

std::string take_prefix(const std::string& word, const std::string& value, netlink::Rule& rule) {
  if (value == "all") return "";
  std::optional<Prefix> prefix = value == "default" ? std::nullopt : Prefix::parse(value);
  if (!prefix) return fmt::format("\"{}\" after {} is not an address or a subnet", value, word);
  if (prefix->network() != *prefix) {
    return fmt::format("{} has host bits set, write {}", value, prefix->network().to_string());
  }
  (word == "from" ? rule.from : rule.to) = prefix;
  return "";
}

// Takes WORD and its VALUE; returns what is wrong with them.
std::string take_rule_word(const std::string& word, const std::string& value, netlink::Rule& rule) {
  if (word == "from" || word == "to") return take_prefix(word, value, rule);
  if (word == "fwmark") return take_mark(value, rule);
  if (word == "iif" || word == "oif") {
    (word == "iif" ? rule.input : rule.output) = value;
    return value.empty() ? word + " needs the name of a link" : "";
  }
  if (word == "lookup" || word == "table") {
    std::optional<std::uint32_t> table = parse_routing_table(value);
    rule.table = table.value_or(0);
    return table ? ""
                 : fmt::format("\"{}\" after {} is not a table: a number from 1, main, local or default", value, word);
  }
  return take_number(word, value, rule.priority);
}

bool of_both_versions(const netlink::Rule& rule) {
  return rule.from && rule.to && rule.from->address.family() != rule.to->address.family();
}

// Returns what is wrong with TEXT as a rule.
std::string parse_rule(const std::string& text, netlink::Rule& rule) {
  std::istringstream words(text);
  for (std::string word, value; words >> word; value.clear()) {
    if (std::find(rule_words().begin(), rule_words().end(), word) == rule_words().end()) {
      return fmt::format("unknown word \"{}\"{}", word, suggestion(word, rule_words()));
    }
    words >> value;
    std::string wrong = take_rule_word(word, value, rule);
    if (!wrong.empty()) return wrong;
  }
  if (of_both_versions(rule)) return "from and to are of different IP versions, use one of the same";
  if (rule.from || rule.to) rule.family = (rule.from ? rule.from : rule.to)->address.family();
  return rule.table != 0 ? "" : "it does not say which table is asked: lookup TABLE";
}

}  // namespace

Type<Rule> rule_type() {
  return written_in_words<Rule>("a rule (from 192.168.1.0/24 lookup 100)",
                                [](const std::string& text, Rule& rule) { return parse_rule(text, rule.rule); });
}

}  // namespace topology
