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
// Empty, or why TEXT cannot name a network interface.
std::string refuse_interface(const std::string& text);

Type<std::string> text_type(std::string called = "text");
// ECMAScript, as the standard library has it.
Type<std::string> pattern_type();
Type<std::string> label_type(std::string called);
Type<std::string> choice_type(std::vector<std::string> choices);
Type<bool> boolean_type();
template <class Number>
Type<Number> number_type(std::string called, std::uint64_t minimum, std::uint64_t maximum);
Type<std::uint16_t> port_type();
Type<std::uint32_t> mtu_type();
// "500ms", "10s", "2m"; a bare number is refused: of what unit would it be?
Type<Duration> duration_type();
Type<IpAddress> address_type();
Type<Prefix> prefix_type();
Type<MacAddress> mac_type();
// A mapping of words to words (environment): numbers and booleans are taken as they are written.
Type<std::map<std::string, std::string>> words_type(std::string called);

std::optional<std::uint64_t> parse_unsigned(const std::string& text);
std::optional<Duration> parse_duration(const std::string& text);
// "10.0.0.1:80", "[fd00::1]:80".
std::optional<std::pair<IpAddress, std::uint16_t>> parse_endpoint(const std::string& text);

template <class Number>
Type<Number> number_type(std::string called, std::uint64_t minimum, std::uint64_t maximum) {
  return scalar_type<Number>(fmt::format("{} ({} to {})", called, minimum, maximum),
                             [minimum, maximum](const yaml::Node& node) -> std::optional<Number> {
                               std::optional<std::uint64_t> number =
                                   node.quoted ? std::nullopt : parse_unsigned(node.text);
                               if (!number || *number < minimum || *number > maximum) return std::nullopt;
                               return static_cast<Number>(*number);
                             },
                             {{"type", "integer"}, {"minimum", minimum}, {"maximum", maximum}});
}

}  // namespace topology
