#include "labctl/topology/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "labctl/topology/values.h"
#include "lib/base/error.h"

namespace topology {
namespace {

constexpr const char* forms =
    "write ${pod:LABELSELECTOR:INDEX:name|ip|node}, ${service:NAME:clusterIP|nodePort|port} or ${node:NAME:ip}";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words(1);
  for (char c : text) {
    if (c == separator) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

[[noreturn]] void refuse(const std::string& written, const std::string& why) {
  throw base::Error(fmt::format("reference {}: {}", written, why));
}

// The position of WORD among NAMES, which is that of the enumerator.
template <class Field>
Field field_of(const std::string& written, const std::string& word, const std::vector<std::string>& names) {
  auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) refuse(written, fmt::format("no field \"{}\"{}", word, suggestion(word, names)));
  return static_cast<Field>(found - names.begin());
}

PodReference parse_pod(const std::string& written, const std::vector<std::string>& words) {
  if (words.size() != 4) refuse(written, "write ${pod:LABELSELECTOR:INDEX:name|ip|node}, as in ${pod:app=web:0:ip}");
  if (words[1].empty()) refuse(written, "it selects no pod, write its labels: ${pod:app=web:0:ip}");
  std::optional<std::uint64_t> index = parse_unsigned(words[2]);
  if (!index || *index > 9999) refuse(written, fmt::format("\"{}\" is not a number, the first pod is 0", words[2]));
  return {words[1], static_cast<unsigned>(*index),
          field_of<PodReference::Field>(written, words[3], {"name", "ip", "node"})};
}

ServiceReference parse_service(const std::string& written, const std::vector<std::string>& words) {
  if (words.size() != 3) refuse(written, "write ${service:NAME:clusterIP|nodePort|port}");
  size_t dot = std::min(words[1].find('.'), words[1].size());
  std::string name = words[1].substr(0, dot);
  std::string namespace_name = dot < words[1].size() ? words[1].substr(dot + 1) : "default";
  if (!is_label(name) || !is_label(namespace_name)) {
    refuse(written, fmt::format("\"{}\" is not the name of a Service, write NAME or NAME.NAMESPACE", words[1]));
  }
  return {name, namespace_name,
          field_of<ServiceReference::Field>(written, words[2], {"clusterIP", "nodePort", "port"})};
}

NodeReference parse_node(const std::string& written, const std::vector<std::string>& words) {
  if (words.size() != 3) refuse(written, "write ${node:NAME:ip}");
  if (words[2] != "ip") refuse(written, fmt::format("no field \"{}\"; known: ip", words[2]));
  return {words[1]};
}

Reference parse_reference(const std::string& written) {
  std::vector<std::string> words = split(written.substr(2, written.size() - 3), ':');
  if (words[0] == "pod") return {written, parse_pod(written, words)};
  if (words[0] == "service") return {written, parse_service(written, words)};
  return {written, parse_node(written, words)};
}

// Whether a reference is meant. ${node:-x} and its like (POSIX, parameter expansion) are the shell's.
bool begins_reference(const std::string& text, size_t at) {
  for (const char* kind : {"${pod:", "${service:", "${node:"}) {
    std::string word = kind;
    if (text.compare(at, word.size(), word) != 0) continue;
    char next = at + word.size() < text.size() ? text[at + word.size()] : '\0';
    return std::string("-=?+").find(next) == std::string::npos;
  }
  return false;
}

}  // namespace

std::vector<Piece> split_references(const std::string& text, TextKind kind) {
  std::vector<Piece> pieces;
  std::string literal;
  for (size_t at = 0; at < text.size();) {
    bool opening = text.compare(at, 2, "${") == 0;
    if (!opening || !begins_reference(text, at)) {
      if (opening && kind == TextKind::plain) refuse(text.substr(at, text.find('}', at) - at + 1), forms);
      literal += text[at++];
      continue;
    }
    size_t end = text.find('}', at);
    if (end == std::string::npos) refuse(text.substr(at), "it is not closed, add \"}\"");
    if (!literal.empty()) pieces.emplace_back(std::move(literal));
    literal.clear();
    pieces.emplace_back(parse_reference(text.substr(at, end + 1 - at)));
    at = end + 1;
  }
  if (!literal.empty()) pieces.emplace_back(std::move(literal));
  return pieces;
}

std::optional<IpAddress> address_of(const Topology& topology, const Node& node) {
  std::optional<IpAddress> first;
  for (const Link& link : node.links) {
    const auto* kind = std::get_if<NetworkLink>(&link.kind);
    if (kind == nullptr || link.addresses.empty()) continue;
    if (!first) first = link.addresses.front().value.address;
    if (topology.cluster && kind->network.value == topology.cluster->network.value) {
      return link.addresses.front().value.address;
    }
  }
  return first;
}

}  // namespace topology
