#include "labctl/topology/values.h"

#include <fmt/ranges.h>
#include <linux/rtnetlink.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace topology {
namespace {

constexpr const char* label_pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
// The standard library compiles and matches by recursion: what is longer may not fit on the stack.
constexpr size_t longest_pattern = 1000;

boost::json::object string_schema() {
  return {{"type", "string"}};
}

// What is text in the language may be a number or a boolean to YAML.
boost::json::object scalar_schema() {
  return {{"type", {"string", "number", "boolean"}}};
}

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// What dev_valid_name() in net/core/dev.c accepts, less what would confuse people and shells. At most 63 characters:
// the far end of a cable is called NODE.LINK, and an alternative name holds 127.
std::string refuse_interface(const std::string& text) {
  bool good = !text.empty() && text.size() <= 63 && text != "." && text != ".." && text != "lo" && text != "all" &&
              text != "default" && std::all_of(text.begin(), text.end(), [](char c) {
                return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
              });
  if (good) return {};
  return fmt::format(
      "\"{}\" cannot name a link: use 1 to 63 letters, digits, \"-\", \"_\" and \".\"; lo, all and default are taken",
      text);
}

}  // namespace

bool is_label(const std::string& text) {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
}

std::string refuse_label(const std::string& text) {
  if (is_label(text)) return {};
  return fmt::format("\"{}\" cannot be a name: use 1 to 63 lower-case letters, digits and inner dashes", text);
}

NameRule label_rule() {
  return {refuse_label, label_pattern};
}

NameRule interface_rule() {
  return {refuse_interface, "^(?!(lo|all|default|[.]{1,2})$)[A-Za-z0-9._-]{1,63}$"};
}

std::optional<std::uint64_t> parse_unsigned(const std::string& text) {
  std::uint64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;  // 010 is eight to some and ten to others
  return value;
}

std::optional<Duration> parse_duration(const std::string& text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  std::optional<std::uint64_t> number = parse_unsigned(text.substr(0, digits));
  if (!number || *number > 100000000) return std::nullopt;
  std::string unit = text.substr(digits);
  if (unit == "ms") return Duration(*number);
  if (unit == "s") return Duration(*number * 1000);
  if (unit == "m") return Duration(*number * 60000);
  if (unit == "h") return Duration(*number * 3600000);
  return std::nullopt;
}

std::optional<std::uint32_t> parse_routing_table(const std::string& text) {
  if (text == "main") return RT_TABLE_MAIN;
  if (text == "local") return RT_TABLE_LOCAL;
  if (text == "default") return RT_TABLE_DEFAULT;
  std::optional<std::uint64_t> number = parse_unsigned(text);
  if (!number || *number == 0 || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::string take_number(const std::string& word, const std::string& value, std::optional<std::uint32_t>& number) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  std::optional<std::uint64_t> parsed = parse_unsigned(value);
  if (!parsed || *parsed > most) return fmt::format("\"{}\" after {} is not a number (0 to {})", value, word, most);
  number = static_cast<std::uint32_t>(*parsed);
  return "";
}

std::optional<std::pair<IpAddress, std::uint16_t>> parse_endpoint(const std::string& text) {
  size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  std::optional<IpAddress> address = IpAddress::parse(host);
  std::optional<std::uint64_t> port = parse_unsigned(text.substr(colon + 1));
  // Without brackets nobody knows whether fd00::1:80 has a port.
  if (!address || address->is_v6() != brackets || !port || *port == 0 || *port > 65535) return std::nullopt;
  return std::pair(*address, static_cast<std::uint16_t>(*port));
}

Type<std::string> text_type(std::string called) {
  return scalar_type<std::string>(
      std::move(called),
      [](const yaml::Node& node) { return node.is_null() ? std::nullopt : std::optional(node.text); }, scalar_schema());
}

Type<std::string> word_type(std::string called) {
  boost::json::object schema = scalar_schema();
  schema["minLength"] = 1;
  return scalar_type<std::string>(
      std::move(called),
      [](const yaml::Node& node) {
        return node.is_null() || node.text.empty() ? std::nullopt : std::optional(node.text);
      },
      schema);
}

Type<std::string> label_type() {
  const std::string called = "a name (lower-case letters, digits and inner dashes)";
  return {[called](const yaml::Node& node, std::string& name, Faults& faults) {
            bool text = node.kind == yaml::Node::Kind::scalar && !node.is_null();
            std::string refusal = text ? refuse_label(node.text) : wrong_type(called, node);
            if (!refusal.empty()) return faults.add(node.at, refusal), false;
            name = node.text;
            return true;
          },
          [](SchemaBuilder&) {
            return boost::json::object{{"type", {"string", "integer"}}, {"pattern", label_pattern}};
          },
          called};
}

Type<std::string> path_type() {
  return scalar_type<std::string>("an absolute path without \"..\"",
                                  [](const yaml::Node& node) -> std::optional<std::string> {
                                    if (node.text.empty() || node.text.front() != '/') return std::nullopt;
                                    if ((node.text + "/").find("/../") != std::string::npos) return std::nullopt;
                                    return node.text;
                                  },
                                  {{"type", "string"}, {"pattern", "^/"}});
}

Type<std::string> pattern_type() {
  const std::string called = "a regular expression";
  return {[called](const yaml::Node& node, std::string& pattern, Faults& faults) {
            if (node.kind != yaml::Node::Kind::scalar || node.is_null()) {
              return faults.add(node.at, wrong_type(called, node)), false;
            }
            if (node.text.size() > longest_pattern) {
              faults.add(node.at,
                         fmt::format("a regular expression of more than {} characters, shorten it", longest_pattern));
              return false;
            }
            RE2 checked(node.text, RE2::Quiet);
            if (!checked.ok()) {
              return faults.add(node.at,
                                fmt::format("\"{}\" is not a regular expression: {}", node.text, checked.error())),
                     false;
            }
            pattern = node.text;
            return true;
          },
          [](SchemaBuilder&) {
            return boost::json::object{{"type", {"string", "number", "boolean"}}, {"format", "regex"}};
          },
          called};
}

Type<std::string> choice_type(std::vector<std::string> choices) {
  boost::json::array values(choices.begin(), choices.end());
  return scalar_type<std::string>(fmt::format("one of {}", fmt::join(choices, ", ")),
                                  [choices](const yaml::Node& node) {
                                    bool known = std::find(choices.begin(), choices.end(), node.text) != choices.end();
                                    return known ? std::optional(node.text) : std::nullopt;
                                  },
                                  {{"enum", values}});
}

Type<bool> boolean_type() {
  return scalar_type<bool>("true or false",
                           [](const yaml::Node& node) -> std::optional<bool> {
                             if (node.quoted || (node.text != "true" && node.text != "false")) return std::nullopt;
                             return node.text == "true";
                           },
                           {{"type", "boolean"}});
}

Type<std::uint16_t> port_type() {
  return number_type<std::uint16_t>("a port", 1, 65535);
}
// 68 is the least that IPv4 may have (RFC 791), 65535 what the kernel takes for a veth.
Type<std::uint32_t> mtu_type() {
  return number_type<std::uint32_t>("an MTU in bytes", 68, 65535);
}

Type<std::uint16_t> vlan_id_type() {
  return number_type<std::uint16_t>("a VLAN", 1, 4094);
}

Type<Duration> duration_type() {
  return scalar_type<Duration>("a duration (500ms, 10s, 2m)",
                               [](const yaml::Node& node) { return parse_duration(node.text); },
                               {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h)$"}});
}

Type<IpAddress> address_type() {
  return scalar_type<IpAddress>(
      "an IP address", [](const yaml::Node& node) { return IpAddress::parse(node.text); }, string_schema());
}

Type<Prefix> prefix_type() {
  return scalar_type<Prefix>(
      "a subnet (10.0.0.0/24)",
      [](const yaml::Node& node) -> std::optional<Prefix> {
        if (node.text.find('/') == std::string::npos) return std::nullopt;
        return Prefix::parse(node.text);
      },
      string_schema());
}

Type<MacAddress> mac_type() {
  return scalar_type<MacAddress>("a MAC address (02:00:00:00:00:01)",
                                 [](const yaml::Node& node) { return MacAddress::parse(node.text); },
                                 {{"type", "string"}, {"pattern", "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$"}});
}

Type<std::map<std::string, std::string>> words_type(std::string called) {
  using Words = std::map<std::string, std::string>;
  NameRule rule{[](const std::string& name) -> std::string {
                  if (!name.empty() && name.find('=') == std::string::npos) return {};
                  return fmt::format("\"{}\" cannot name a variable, use a word without \"=\"", name);
                },
                "^[^=]+$"};
  return map_of<std::string, Words>(
      std::move(called), text_type("text (\"\" for none)"),
      [](Words& words, const yaml::Entry& entry, std::string value) { words[entry.key] = std::move(value); }, rule);
}

}  // namespace topology
