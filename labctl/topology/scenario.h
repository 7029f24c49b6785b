// What a topology claims to show: steps and expectations, typed, with the place of everything that can be wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "labctl/topology/faults.h"
#include "lib/netlink/impairment.h"

namespace topology {

using Duration = std::chrono::milliseconds;

// How a probe that must not succeed is to fail. The last three are DNS's (RFC 1035, RFC 2308).
enum class Failure { none, any, timeout, refused, reset, unreachable, nxdomain, nodata, servfail };

// A number from one to the other, both included.
struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};

// "FROM can (or cannot) reach TARGET".
struct Reach {
  std::string protocol;  // "http", "tcp", "udp", "ping"
  std::string target;    // URL, host:port, or address; may have ${references}
  Located<std::string> from;
  Failure fails = Failure::none;
  unsigned requests = 1;
  std::optional<Duration> timeout;                     // of one request
  std::optional<unsigned> status;                      // HTTP
  std::optional<std::string> body;                     // a text that the answer has
  std::vector<std::string> answered_by;                // names of servers; exactly these answered, each at least once
  std::vector<Located<std::string>> answered_on;       // names of nodes; servers on exactly these answered
  std::vector<std::pair<std::string, Range>> answers;  // how many each server gave; exactly these answered
  std::optional<std::string> sees;                     // the client address that every server saw
};
// "On NODE, COMMAND ends and prints like this".
struct CommandOutcome {
  Located<std::string> on;
  std::string command;
  int exit = 0;
  std::optional<std::string> prints;  // ECMAScript regular expression, found in its output
};
struct IpvsTable {
  Located<std::string> on;
  std::string service;                              // "tcp://10.10.0.1:8410"; may have ${references}
  std::optional<std::vector<std::string>> servers;  // exactly these "address:port"
  std::optional<unsigned> count;
};
struct IpsetMembers {
  Located<std::string> on;
  std::string set;
  std::vector<std::string> contains;
};
struct ConntrackEntry {
  Located<std::string> on;
  std::vector<std::string> fields;        // all of these words stand in one entry, in this order ("src=10.0.0.1")
  std::optional<std::uint64_t> count;     // that many entries have them; 0: none has
  std::optional<std::uint64_t> at_least;  // 1 where neither is given
};
struct RuleCounter {
  Located<std::string> on;
  std::string table;
  std::string rule;                      // a text that the rule has, as iptables-save writes it
  std::optional<std::uint64_t> packets;  // exactly
  std::optional<std::uint64_t> at_least;
};
struct ProcessStatus {
  Located<std::string> process;           // "NAME@NODE"
  std::optional<std::string> state;       // of the control API
  std::optional<std::uint64_t> restarts;  // at least
};
struct DnsAnswer {
  Located<std::string> from;
  std::string name;
  std::string type = "A";
  std::optional<std::string> server;  // "ADDRESS[:PORT]"; nothing: of the place's resolv.conf
  Failure fails = Failure::none;
  std::optional<Duration> timeout;
  std::optional<std::vector<std::string>> records;  // exactly these, in any order
  std::vector<std::string> contains;
};
// What the capture steps before it have recorded on a node.
struct CapturedPackets {
  Located<std::string> on;
  Located<std::string> filter;
  std::optional<Located<std::string>> link;  // nothing: on whatever is captured there
  std::optional<std::uint64_t> packets;      // exactly
  std::optional<std::uint64_t> at_least;     // one, where neither is set
};
struct RouteEntry {
  Located<std::string> on;
  // Of one route, in the order of `ip route`; of the main table unless "table" is there.
  std::vector<std::string> words;
  std::optional<unsigned> count;  // of such routes; nothing: at least one
};
struct NeighbourEntry {
  Located<std::string> on;
  std::string address;
  std::optional<std::string> mac, state, link;
  std::optional<unsigned> count;
};
struct ForwardingEntry {
  Located<std::string> on;
  std::string mac;
  std::optional<std::string> destination;  // the other end of the tunnel
  std::optional<std::string> link;
  std::optional<unsigned> count;
};
struct LinkState {
  Located<std::string> on;
  std::string link;
  std::optional<bool> up;
  std::optional<std::string> kind, master, mac, state;
  std::optional<unsigned> mtu;
  std::optional<unsigned> count;  // 0: there is none of this name
};
using Expectation =
    std::variant<Reach, CommandOutcome, IpvsTable, IpsetMembers, ConntrackEntry, RuleCounter, ProcessStatus, DnsAnswer,
                 CapturedPackets, RouteEntry, NeighbourEntry, ForwardingEntry, LinkState>;

// At most one of the periods; without any, it is looked at once.
struct Expect {
  Expectation what;
  std::optional<Duration> within;  // it may take this long to become true
  std::optional<Duration> always;  // it is true at every look for this long
  std::optional<Duration> never;   // it is true at no look for this long
};
struct Do {
  Located<std::string> on;
  std::string command;
};
struct Kubectl {
  std::string arguments;  // a command line; may have ${references}
};
// A Kubernetes object, as JSON; may have ${references}.
struct Apply {
  std::string object;
};
// Time that has to pass for what the scenario shows.
struct Wait {
  Duration time{0};
};

// ---- faults: what is broken on purpose, or mended

struct Target {
  enum class Kind { process, pod, node } kind = Kind::process;
  Located<std::string> name;  // process: "NAME@NODE"; pod: "NAMESPACE/NAME" or a reference
};
struct TargetFault {
  enum class What { kill, restart, pause, resume } what = What::kill;
  Target target;
};
struct LinkFault {
  bool up = false;
  Located<std::string> link;  // "NODE:LINK"
};
// Nodes of different groups do not reach one another by these networks; whoever is in no group reaches all.
struct Partition {
  std::vector<std::vector<Located<std::string>>> groups;
  std::vector<Located<std::string>> networks;  // empty: all bridges
};
// In place of what the topology, or an earlier fault, does to what the node sends by the link.
struct Impair {
  Located<std::string> link;  // "NODE:LINK"
  netlink::Impairment impairment;
};
using Injection = std::variant<TargetFault, LinkFault, Partition, Impair>;

struct Inject {
  Injection what;
};
struct Heal {
  std::optional<Injection> what;  // nothing: all that is on
};

// From this step on, what NODE sends and receives is recorded.
struct Capture {
  Located<std::string> on;
  std::optional<Located<std::string>> link;  // nothing: all links but loopback
  std::optional<Located<std::string>> filter;
};

struct Step {
  Location at;
  std::string name;  // for people; made from the step where it has none
  std::variant<Expect, Do, Kubectl, Apply, Inject, Heal, Wait, Capture> action;
};

}  // namespace topology
