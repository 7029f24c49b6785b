#include <limits>
#include <sstream>

#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// "10.10.0.1 via 192.168.113.101 dev lan", as ip-route(8) has them

const std::vector<std::string>& route_words() {
  static const std::vector<std::string> words{"via", "dev", "src", "metric", "onlink"};
  return words;
}

// Takes WORD and its VALUE; returns what is wrong with them.
std::string take_route_word(const std::string& word, const std::string& value, Route& route) {
  if (word == "via" || word == "src") {
    std::optional<IpAddress> address = IpAddress::parse(value);
    (word == "via" ? route.via : route.source) = address;
    return address ? "" : fmt::format("\"{}\" after {} is not an IP address", value, word);
  }
  if (word == "dev") {
    route.device = value;
    return value.empty() ? "dev needs the name of a link" : "";
  }
  std::optional<std::uint64_t> number = parse_unsigned(value);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) {
    return fmt::format("\"{}\" after metric is not a number (0 to {})", value,
                       std::numeric_limits<std::uint32_t>::max());
  }
  route.metric = static_cast<std::uint32_t>(*number);
  return "";
}

// Returns what is wrong with TEXT as a route.
std::string parse_route(const std::string& text, Route& route) {
  std::istringstream words(text);
  std::string word, value;
  words >> word;
  std::optional<Prefix> destination = Prefix::parse(word);
  if (!destination) return fmt::format("\"{}\" is no destination", word);
  route.destination = *destination;
  while (words >> word) {
    if (std::find(route_words().begin(), route_words().end(), word) == route_words().end()) {
      return fmt::format("unknown word \"{}\"{}", word, suggestion(word, route_words()));
    }
    if (word == "onlink") {
      route.onlink = true;
      continue;
    }
    value.clear();
    words >> value;
    std::string wrong = take_route_word(word, value, route);
    if (!wrong.empty()) return wrong;
  }
  return route.via || route.device ? "" : "it says neither via nor dev";
}

}  // namespace

Type<Route> route_type() {
  const std::string called = "a route (10.10.0.0/16 via 192.168.1.1, or … dev LINK)";
  return {[called](const yaml::Node& node, Route& route, Faults& faults) {
            route.at = node.at;
            if (node.kind != yaml::Node::Kind::scalar || node.is_null()) {
              return faults.add(node.at, wrong_type(called, node)), false;
            }
            std::string wrong = parse_route(node.text, route);
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
