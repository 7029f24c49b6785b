#include "labctl/topology/checks/state_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/topology/faults.h"
#include "lib/netlink/address.h"

namespace topology {
namespace {

using Words = std::vector<std::string>;

// libnetfilter_conntrack, src/conntrack/snprintf_default.c.
const Words protocols{"tcp", "udp", "udplite", "icmp", "icmpv6", "sctp", "dccp", "gre", "unknown"};
const Words tcp_states{"NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
                       "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
const Words sctp_states{"CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED",  "SHUTDOWN_SENT",
                        "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED"};
const Words dccp_states{"REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "INVALID"};
const Words flags{"[UNREPLIED]", "[ASSURED]", "[OFFLOAD]", "[HW_OFFLOAD]"};
const Words fields{"src",     "dst",    "sport", "dport",     "type",       "code",       "id",
                   "srckey",  "dstkey", "mark",  "use",       "packets",    "bytes",      "secctx",
                   "secmark", "helper", "zone",  "zone-orig", "zone-reply", "delta-time", "labels"};

const Words route_types{"unicast",   "local",       "broadcast", "anycast", "multicast",
                        "blackhole", "unreachable", "prohibit",  "throw"};
const Words route_keywords{"via", "dev", "table", "proto", "scope", "src", "metric", "mtu", "weight"};
const Words route_flags{"onlink", "dead", "linkdown", "nexthop"};

// The kinds of rtnl_link_ops (drivers/net, net) that a namespace can have.
const Words devices{"veth", "bridge", "dummy", "ifb", "bond", "team", "vrf", "tun", "nlmon", "vcan", "netdevsim"};
const Words upper_devices{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec", "hsr", "batadv"};
const Words tunnels{"vxlan", "geneve", "ipip", "gre",    "gretap",    "erspan",    "sit",     "vti",      "vti6",
                    "xfrm",  "ip6tnl", "gtp",  "ip6gre", "ip6gretap", "ip6erspan", "bareudp", "wireguard"};

Words all_of(const std::vector<Words>& lists) {
  Words all;
  for (const Words& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

bool has_reference(const std::string& word) {
  return word.find("${") != std::string::npos;
}

bool is_one_of(const std::string& word, const Words& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_number(const std::string& word) {
  return word.find_first_not_of("0123456789") == std::string::npos;
}

std::string unknown(const char* what, const std::string& word, const Words& known) {
  return fmt::format("\"{}\" is no {}{}", word, what, suggestion(word, known));
}

// "src=10.0.0.1"
std::string refuse_connection_field(const std::string& word, std::size_t equals) {
  std::string name = word.substr(0, equals), value = word.substr(equals + 1);
  if (!is_one_of(name, fields)) return unknown("field of a connection", name, fields);
  bool address = name == "src" || name == "dst";
  if (!address || has_reference(value) || netlink::IpAddress::parse(value)) return {};
  return fmt::format("\"{}\" of a connection is an address, \"{}\" is none", name, value);
}

}  // namespace

std::string refuse_connection_words(const Words& words) {
  static const Words known = all_of({protocols, tcp_states, sctp_states, dccp_states, flags});
  for (const std::string& word : words) {
    std::size_t equals = word.find('=');
    if (word.rfind("${", 0) == 0 || is_number(word) || is_one_of(word, known)) continue;
    if (equals == std::string::npos) return unknown("protocol, state or flag of a connection", word, known);
    std::string wrong = refuse_connection_field(word, equals);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string refuse_route_words(const Words& words) {
  std::size_t at = is_one_of(words.front(), route_types) ? 1 : 0;
  if (at < words.size() && !has_reference(words[at]) && !netlink::Prefix::parse(words[at])) {
    return fmt::format("\"{}\" is no destination of a route, write default, an address or a subnet", words[at]);
  }
  static const Words known = all_of({route_keywords, route_flags});
  for (++at; at < words.size(); ++at) {
    if (has_reference(words[at]) || is_one_of(words[at], route_flags)) continue;
    if (!is_one_of(words[at], route_keywords)) return unknown("word of a route", words[at], known);
    ++at;  // its value; "via inet6 fd00::1" has two
    if (at < words.size() && words[at] == "inet6") ++at;
  }
  return {};
}

std::string refuse_link_kind(const std::string& kind) {
  static const Words kinds = all_of({devices, upper_devices, tunnels});
  return is_one_of(kind, kinds) ? std::string() : unknown("kind of link that the kernel has", kind, kinds);
}

}  // namespace topology
