#include "lib/netfilter/rule_counters.h"

#include <fcntl.h>

#include <charconv>
#include <iterator>
#include <optional>

#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"

namespace netfilter {
namespace {

// "[12:3456] -A CHAIN RULE"
std::optional<CountedRule> parse_line(std::string_view line) {
  CountedRule rule;
  if (line.substr(0, 1) != "[") return std::nullopt;
  const char* end = line.data() + line.size();
  auto packets = std::from_chars(line.data() + 1, end, rule.packets);
  if (packets.ec != std::errc() || packets.ptr == end || *packets.ptr != ':') return std::nullopt;
  auto bytes = std::from_chars(packets.ptr + 1, end, rule.bytes);
  if (bytes.ec != std::errc()) return std::nullopt;
  std::string_view rest(bytes.ptr, static_cast<size_t>(end - bytes.ptr));
  constexpr std::string_view append = "] -A ";
  if (rest.substr(0, append.size()) != append) return std::nullopt;
  rest.remove_prefix(append.size());
  size_t space = std::min(rest.find(' '), rest.size());
  rule.chain = rest.substr(0, space);
  rule.rule = rest.substr(std::min(space + 1, rest.size()));
  return rule;
}

// The legacy tables that are in use in this namespace.
bool legacy_table_is_in_use(Iptables::Family family, const std::string& table) {
  const char* path = family == Iptables::Family::ipv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
  base::FileDescriptor names(::open(path, O_RDONLY | O_CLOEXEC));
  return names.valid() && ("\n" + base::read_all(names.get())).find("\n" + table + "\n") != std::string::npos;
}

}  // namespace

std::vector<CountedRule> parse_counted_save(const std::string& program, std::string_view text) {
  std::vector<CountedRule> rules;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    if (auto rule = parse_line(text.substr(0, end))) {
      rule->program = program;
      rules.push_back(std::move(*rule));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rules;
}

std::vector<CountedRule> counted_rules(Iptables::Family family, const std::string& table) {
  std::vector<CountedRule> rules;
  auto add = [&](Iptables::Variant variant) {
    Iptables iptables(family, variant);
    std::string saved = base::run_checked({iptables.program("-save"), "-c", "-t", table});
    std::vector<CountedRule> more = parse_counted_save(iptables.program(), saved);
    std::move(more.begin(), more.end(), std::back_inserter(rules));
  };
  if (Iptables::kernel_has_nf_tables()) add(Iptables::Variant::nft);
  if (legacy_table_is_in_use(family, table)) add(Iptables::Variant::legacy);
  return rules;
}

}  // namespace netfilter
