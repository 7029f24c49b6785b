// The plain values of the language: names, numbers, durations, addresses.
#pragma once

#include <cstdint>
#include <string>

#include "labctl/topology/topology.h"
#include "labctl/topology/types.h"

namespace topology {

// A DNS label (RFC 1123): what a node is called is its host name too.
bool is_label(const std::string& text);
// Empty, or why TEXT cannot name a node, a network, a workload.
std::string refuse_label(const std::string& text);
NameRule label_rule();
// What can name a network interface.
NameRule interface_rule();

// Any scalar but null, as it is written: numbers and booleans are text too.
Type<std::string> text_type(std::string called = "text");
// The same, but not empty.
Type<std::string> word_type(std::string called);
Type<std::string> label_type();
// An absolute path without "..".
Type<std::string> path_type();
// A regular expression that compiles (ECMAScript, as the standard library has it).
Type<std::string> pattern_type();
Type<std::string> choice_type(std::vector<std::string> choices);
Type<bool> boolean_type();
template <class Number>
Type<Number> number_type(std::string called, std::uint64_t minimum, std::uint64_t maximum);
Type<std::uint16_t> port_type();
Type<std::uint32_t> mtu_type();
// IEEE 802.1Q: 0 and 4095 mean something else.
Type<std::uint16_t> vlan_id_type();
// "500ms", "10s", "2m"; a bare number is refused: of what unit would it be?
Type<Duration> duration_type();
Type<IpAddress> address_type();
Type<Prefix> prefix_type();
Type<MacAddress> mac_type();
// A mapping of words to words (environment): numbers and booleans are taken as they are written.
Type<std::map<std::string, std::string>> words_type(std::string called);

std::optional<std::uint64_t> parse_unsigned(const std::string& text);
std::optional<Duration> parse_duration(const std::string& text);
// A number from 1, or "main", "local", "default".
std::optional<std::uint32_t> parse_routing_table(const std::string& text);
// VALUE after WORD ("metric 100") into NUMBER; returns what is wrong with it.
std::string take_number(const std::string& word, const std::string& value, std::optional<std::uint32_t>& number);
// "10.0.0.1:80", "[fd00::1]:80".
std::optional<std::pair<IpAddress, std::uint16_t>> parse_endpoint(const std::string& text);

template <class Number>
Type<Number> number_type(std::string called, std::uint64_t minimum, std::uint64_t maximum) {
  called = minimum == maximum ? fmt::format("{} {}", called, minimum)
                              : fmt::format("{} ({} to {})", called, minimum, maximum);
  return {[called, minimum, maximum](const yaml::Node& node, Number& value, Faults& faults) {
            std::optional<std::uint64_t> number;
            if (node.kind == yaml::Node::Kind::scalar) number = parse_unsigned(node.text);
            bool good = number && *number >= minimum && *number <= maximum;
            if (!good || node.quoted) {
              faults.add(node.at, wrong_type(called, node) + (good ? ": write it without quotes" : ""));
              return false;
            }
            value = static_cast<Number>(*number);
            return true;
          },
          [minimum, maximum](SchemaBuilder&) {
            return boost::json::object{{"type", "integer"}, {"minimum", minimum}, {"maximum", maximum}};
          },
          called};
}

// An object written as one text, in the words of a command: PARSE returns what is wrong with it.
template <class V>
Type<V> written_in_words(const std::string& called, std::function<std::string(const std::string& text, V&)> parse) {
  return {[called, parse](const yaml::Node& node, V& value, Faults& faults) {
            value.at = node.at;
            if (node.kind != yaml::Node::Kind::scalar || node.is_null()) {
              return faults.add(node.at, wrong_type(called, node)), false;
            }
            std::string wrong = parse(node.text, value);
            if (wrong.empty()) return true;
            faults.add(node.at, fmt::format("{}: {}", wrong_type(called, node), wrong));
            return false;
          },
          [](SchemaBuilder&) {
            return boost::json::object{{"type", "string"}};
          },
          called};
}

}  // namespace topology
