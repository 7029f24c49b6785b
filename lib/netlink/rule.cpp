#include "lib/netlink/rule.h"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/netlink/socket.h"

namespace netlink {
namespace {

constexpr std::uint32_t whole_mark = 0xffffffff;

Message rule_message(int type, int flags, const Rule& rule) {
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(rule.family);
  header.action = FR_ACT_TO_TBL;
  header.table = rule.table < 256 ? static_cast<std::uint8_t>(rule.table) : 0;
  if (rule.from) header.src_len = static_cast<std::uint8_t>(rule.from->length);
  if (rule.to) header.dst_len = static_cast<std::uint8_t>(rule.to->length);
  Message message(type, flags, header);
  message.put(FRA_TABLE, rule.table);
  if (rule.from && rule.from->length > 0) message.put(FRA_SRC, rule.from->network().address);
  if (rule.to && rule.to->length > 0) message.put(FRA_DST, rule.to->network().address);
  if (rule.mark) message.put(FRA_FWMARK, *rule.mark).put(FRA_FWMASK, rule.mask);
  if (!rule.input.empty()) message.put(FRA_IIFNAME, rule.input);
  if (!rule.output.empty()) message.put(FRA_OIFNAME, rule.output);
  if (rule.priority) message.put(FRA_PRIORITY, *rule.priority);
  return message;
}

std::optional<Prefix> prefix_of(const nlattr* attribute, unsigned length) {
  if (attribute == nullptr) return std::nullopt;
  return Prefix{IpAddress(nla_len(attribute) == 16 ? AF_INET6 : AF_INET, nla_data(attribute)), length};
}

std::optional<Rule> parse_rule(nlmsghdr* message) {
  auto* header = static_cast<fib_rule_hdr*>(nlmsg_data(message));
  nlattr* attributes[FRA_MAX + 1];
  if (header->action != FR_ACT_TO_TBL) return std::nullopt;
  if (nlmsg_parse(message, sizeof(fib_rule_hdr), attributes, FRA_MAX, nullptr) < 0) return std::nullopt;
  Rule rule;
  rule.family = header->family;
  rule.from = prefix_of(attributes[FRA_SRC], header->src_len);
  rule.to = prefix_of(attributes[FRA_DST], header->dst_len);
  if (attributes[FRA_FWMARK] != nullptr) rule.mark = nla_get_u32(attributes[FRA_FWMARK]);
  if (attributes[FRA_FWMASK] != nullptr && rule.mark) rule.mask = nla_get_u32(attributes[FRA_FWMASK]);
  if (attributes[FRA_IIFNAME] != nullptr) rule.input = nla_get_string(attributes[FRA_IIFNAME]);
  if (attributes[FRA_OIFNAME] != nullptr) rule.output = nla_get_string(attributes[FRA_OIFNAME]);
  rule.table = attributes[FRA_TABLE] != nullptr ? nla_get_u32(attributes[FRA_TABLE]) : header->table;
  rule.priority = attributes[FRA_PRIORITY] != nullptr ? nla_get_u32(attributes[FRA_PRIORITY]) : 0;
  return rule;
}

std::string table_word(std::uint32_t table) {
  switch (table) {
    case RT_TABLE_LOCAL:
      return "local";
    case RT_TABLE_MAIN:
      return "main";
    case RT_TABLE_DEFAULT:
      return "default";
    default:
      return std::to_string(table);
  }
}

}  // namespace

std::string rule_words(const Rule& rule) {
  std::string text = "from " + (rule.from ? rule.from->to_string() : "all");
  if (rule.to) text += " to " + rule.to->to_string();
  if (rule.mark) text += fmt::format(" fwmark {:#x}", *rule.mark);
  if (rule.mark && rule.mask != whole_mark) text += fmt::format("/{:#x}", rule.mask);
  if (!rule.input.empty()) text += " iif " + rule.input;
  if (!rule.output.empty()) text += " oif " + rule.output;
  text += " lookup " + table_word(rule.table);
  if (rule.priority) text += fmt::format(" priority {}", *rule.priority);
  return text;
}

std::uint32_t add_rule(Socket& socket, const Rule& rule) {
  std::vector<Rule> before;
  if (!rule.priority) before = list_rules(socket, rule.family);
  socket.request("add rule " + rule_words(rule), rule_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule));
  if (rule.priority) return *rule.priority;
  for (const Rule& it : list_rules(socket, rule.family)) {
    bool is_new = std::find(before.begin(), before.end(), it) == before.end();
    if (is_new) return it.priority.value_or(0);
  }
  throw base::Error("add rule " + rule_words(rule) + ": it is not in the kernel's list");
}

void delete_rule(Socket& socket, const Rule& rule) {
  socket.request("delete rule " + rule_words(rule), rule_message(RTM_DELRULE, 0, rule));
}

std::vector<Rule> list_rules(Socket& socket, int family) {
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(family);
  Message message(RTM_GETRULE, 0, header);
  std::vector<Rule> rules;
  socket.dump("list rules", message, [&](nlmsghdr* answer) {
    if (std::optional<Rule> rule = parse_rule(answer)) rules.push_back(*rule);
  });
  return rules;
}

}  // namespace netlink
