// The kernel's network tables with all that they say, for looking at them. Who programs the kernel uses link.h and
// route.h. In the network namespace of SOCKET; names of links are resolved there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/netlink/address.h"
#include "lib/netlink/socket.h"

namespace netlink {

struct TrafficCount {
  std::uint64_t packets = 0, bytes = 0, errors = 0, dropped = 0;
};

struct LinkRow {
  std::uint32_t index = 0;
  std::string name;
  std::vector<std::string> alternative_names;
  std::string kind;  // "veth", "vxlan", …; empty for loopback and hardware
  // What the kind adds, by the names of ip-link(8): {"id", "42"}, {"local", "10.0.0.1"}, {"peer", "if7"}.
  std::map<std::string, std::string> details;
  std::string mac;  // of tunnels, their own end's address
  std::uint32_t mtu = 0;
  std::string master;              // empty: none
  bool up = false;                 // as it was set
  std::string state;               // RFC 2863, as ip(8) writes it: "UP", "LOWERLAYERDOWN", "UNKNOWN", …
  bool carrier = false;            // the cable has another end that is up
  std::vector<std::string> flags;  // "BROADCAST", "NOARP", "PROMISC", …
  std::string impairment;          // as tc-netem(8) writes it; empty: none
  std::string queueing;            // the root qdisc
  TrafficCount received, sent;
};
std::vector<LinkRow> read_links(Socket& socket);

struct AddressRow {
  std::string link;
  Prefix address;
  std::optional<IpAddress> peer;
  std::string scope;               // "global", "link", "host"
  std::string label;               // IPv4
  std::vector<std::string> flags;  // "permanent", "secondary", "tentative", "nodad", …
};
std::vector<AddressRow> read_addresses(Socket& socket);

struct NextHop {
  std::optional<IpAddress> via;
  std::string link;
  unsigned weight = 1;
};

struct RouteRow {
  int family = 0;
  std::string type;  // "unicast", "local", "broadcast", "blackhole", …
  Prefix destination;
  std::optional<IpAddress> via;
  std::string link;
  std::vector<NextHop> next_hops;  // where there are several; VIA and LINK are empty then
  std::string table;               // "main", "local", "default", or its number
  std::string protocol;            // who made it: "kernel", "static", "boot", …
  std::string scope;               // "global", "link", "host"
  std::optional<IpAddress> source;
  std::optional<std::uint32_t> metric, mtu;
  bool onlink = false;
  std::vector<std::string> flags;  // "linkdown", "dead"

  // As `ip route show table all` writes it, in the same order: "10.244.2.0/24 via 192.168.113.12 dev lan onlink".
  std::string line() const;
};
// Of every table and both families, but for what the kernel has learned of single hosts.
std::vector<RouteRow> read_routes(Socket& socket);

// A policy rule: which table is asked for which packets.
struct RuleRow {
  int family = 0;
  std::uint32_t priority = 0;
  bool inverted = false;
  std::optional<Prefix> from, to;
  std::string incoming, outgoing;  // links
  std::optional<std::uint32_t> mark, mark_mask;
  std::string action;  // "lookup", "blackhole", "unreachable", "prohibit", "goto", …
  std::string table;

  // As `ip rule` writes it: "100: from all fwmark 0x1 lookup 100".
  std::string line() const;
};
std::vector<RuleRow> read_rules(Socket& socket);

struct NeighbourRow {
  IpAddress address;
  std::string link;
  std::string mac;    // empty where it is not known
  std::string state;  // "REACHABLE", "STALE", "FAILED", "PERMANENT", …
  bool router = false, proxy = false;
};
// ARP and NDP.
std::vector<NeighbourRow> read_neighbours(Socket& socket);

// An entry of a bridge's or VXLAN device's forwarding database.
struct ForwardingRow {
  std::string mac;
  std::string link;                      // the bridge's port, or the VXLAN device
  std::string master;                    // the bridge
  std::optional<IpAddress> destination;  // the other end of the tunnel
  std::optional<std::uint16_t> vlan;
  std::optional<std::uint32_t> vni;
  bool learned = false;  // from a frame; otherwise somebody has set it
  bool local = false;    // a frame for it is for this machine
  std::string state;     // "PERMANENT", "REACHABLE", "NOARP", …
};
std::vector<ForwardingRow> read_forwarding(Socket& socket);

}  // namespace netlink
