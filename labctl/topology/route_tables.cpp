#include <sstream>

#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// "10.10.0.1 via 192.168.113.101 dev lan", as ip-route(8) has them

const std::vector<std::string>& route_words() {
  static const std::vector<std::string> words{"via", "dev", "src", "metric", "table", "mtu", "onlink"};
  return words;
}

// What a route may be instead of a way.
const std::vector<std::string>& route_types() {
  static const std::vector<std::string> types{"blackhole", "unreachable", "prohibit"};
  return types;
}

bool is_one_of(const std::string& word, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
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
  if (word == "table") {
    route.table = parse_routing_table(value);
    return route.table
               ? ""
               : fmt::format("\"{}\" after table is not a table: a number from 1, main, local or default", value);
  }
  return take_number(word, value, word == "mtu" ? route.mtu : route.metric);
}

bool leads_by_ipv6(const Route& route) {
  const std::optional<IpAddress>& address = route.via ? route.via : route.source;
  return address && address->is_v6();
}

// Returns what is wrong with TEXT as a route.
std::string parse_route(const std::string& text, Route& route) {
  std::istringstream words(text);
  std::string word, value;
  words >> word;
  if (is_one_of(word, route_types())) {
    route.type = word;
    word.clear();
    words >> word;
  }
  std::optional<Prefix> destination = Prefix::parse(word);
  if (!destination) return fmt::format("\"{}\" is no destination", word);
  route.destination = *destination;
  bool by_word = word == "default";  // of either version: its gateway says which
  while (words >> word) {
    if (!is_one_of(word, route_words())) {
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
  if (by_word && leads_by_ipv6(route)) route.destination = *Prefix::parse("::/0");
  if (route.type.empty()) return route.via || route.device ? "" : "it says neither via nor dev";
  bool leads = route.via || route.device || route.source || route.onlink || route.mtu;
  return leads ? fmt::format("a {} route leads nowhere, remove via, dev, src, onlink and mtu", route.type) : "";
}

}  // namespace

Type<Route> route_type() {
  return written_in_words<Route>("a route (10.10.0.0/16 via 192.168.1.1, or … dev LINK)", parse_route);
}

}  // namespace topology
