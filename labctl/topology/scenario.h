// What a topology claims to show: steps and expectations, typed, with the place of everything that can be wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "labctl/topology/faults.h"

namespace topology {

using Duration = std::chrono::milliseconds;

// How a probe that must not succeed is to fail.
enum class Failure { none, any, timeout, refused, reset, unreachable };

// "FROM can (or cannot) reach TARGET".
struct Reach {
  std::string protocol;  // "http", "tcp", "udp", "ping"
  std::string target;    // URL, host:port, or address; may have ${references}
  Located<std::string> from;
  Failure fails = Failure::none;
  unsigned requests = 1;
  std::optional<Duration> timeout;                // of one request
  std::optional<unsigned> status;                 // HTTP
  std::optional<std::string> body;                // a text that the answer has
  std::vector<std::string> answered_by;           // names of servers; exactly these answered, each at least once
  std::vector<Located<std::string>> answered_on;  // names of nodes; servers on exactly these answered
  std::optional<std::string> sees;                // the client address that every server saw
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
  std::vector<std::string> fields;  // all of these words stand in one entry, in this order ("src=10.0.0.1")
};
struct RuleCounter {
  Located<std::string> on;
  std::string table;
  std::string rule;                      // a text that the rule has, as iptables-save writes it
  std::optional<std::uint64_t> packets;  // exactly
  std::optional<std::uint64_t> at_least;
};
using Expectation = std::variant<Reach, CommandOutcome, IpvsTable, IpsetMembers, ConntrackEntry, RuleCounter>;

struct Expect {
  Expectation what;
  std::optional<Duration> within;  // it may take this long to become true
};
struct Do {
  Located<std::string> on;
  std::string command;
};
struct Kubectl {
  std::string arguments;  // a command line; may have ${references}
};
struct Kill {
  enum class What { process, pod, node } what = What::process;
  Located<std::string> name;  // process: "NAME@NODE"; pod: "NAMESPACE/NAME" or a reference
};
struct RestartProcess {
  Located<std::string> process;
};

struct Step {
  Location at;
  std::string name;  // for people; made from the step where it has none
  std::variant<Expect, Do, Kubectl, Kill, RestartProcess> action;
};

}  // namespace topology
