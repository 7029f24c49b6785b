#include "labctl/topology/references.h"
#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"
#include "lib/base/error.h"

namespace topology {
namespace {

// An expectation as it is written: the union of all keys. What it is follows from which are there.
struct WrittenExpectation {
  std::optional<Located<std::string>> from, on, process;
  std::optional<Located<std::string>> http, tcp, udp, ping, dns, run, ipvs, ipset, rule;
  std::optional<std::vector<std::string>> conntrack;
  Failure fails = Failure::none;
  unsigned requests = 1;
  std::optional<Duration> timeout, within, always, never;
  std::optional<unsigned> status, count;
  std::optional<std::string> body, sees, prints, table, type, server, state;
  std::vector<std::string> answered_by, contains;
  std::vector<Located<std::string>> answered_on;
  std::optional<std::vector<std::string>> servers, records;
  std::vector<std::pair<std::string, Range>> answers;
  int exit = 0;
  std::optional<std::uint64_t> packets, at_least, restarts;
  std::optional<Located<std::string>> captured, neighbour, link;
  std::optional<std::vector<std::string>> route, fdb;
  std::optional<std::string> mac, kind, master;
  std::optional<bool> up;
  std::optional<unsigned> mtu;
};

Type<Failure> failure_type() {
  static const std::vector<std::pair<std::string, Failure>> failures{
      {"timeout", Failure::timeout},         {"refused", Failure::refused},  {"reset", Failure::reset},
      {"unreachable", Failure::unreachable}, {"any", Failure::any},          {"nxdomain", Failure::nxdomain},
      {"nodata", Failure::nodata},           {"servfail", Failure::servfail}};
  boost::json::array names;
  std::string called = "one of ";
  for (const auto& [name, failure] : failures) {
    called += (names.empty() ? "" : ", ") + name;
    names.emplace_back(name);
  }
  return scalar_type<Failure>(called,
                              [](const yaml::Node& node) -> std::optional<Failure> {
                                for (const auto& [name, failure] : failures) {
                                  if (name == node.text) return failure;
                                }
                                return std::nullopt;
                              },
                              {{"enum", names}});
}

// "20", "15-25"
Type<Range> range_type() {
  return scalar_type<Range>("a number or a range of them (20, 15-25)",
                            [](const yaml::Node& node) -> std::optional<Range> {
                              size_t dash = node.text.find('-');
                              auto least = parse_unsigned(node.text.substr(0, dash));
                              auto most =
                                  dash == std::string::npos ? least : parse_unsigned(node.text.substr(dash + 1));
                              if (!least || !most || *least > *most) return std::nullopt;
                              return Range{*least, *most};
                            },
                            {{"type", {"integer", "string"}}});
}

Type<std::vector<std::pair<std::string, Range>>> answers_type() {
  using Answers = std::vector<std::pair<std::string, Range>>;
  return map_of<Range, Answers>(
      "a mapping of servers to numbers of answers", range_type(),
      [](Answers& answers, const yaml::Entry& entry, Range range) { answers.emplace_back(entry.key, range); },
      {[](const std::string& name) { return name.empty() ? "a server has a name" : ""; }, "."});
}

// Conntrack fields are written as conntrack(8) prints them: "src=10.0.0.1 dst=… [ASSURED]".
Type<std::vector<std::string>> words_in_text_type(std::string called) {
  return scalar_type<std::vector<std::string>>(std::move(called),
                                               [](const yaml::Node& node) -> std::optional<std::vector<std::string>> {
                                                 std::vector<std::string> words;
                                                 std::string word;
                                                 for (char c : node.text + " ") {
                                                   if (c != ' ' && c != '\n') {
                                                     word += c;
                                                   } else if (!word.empty()) {
                                                     words.push_back(std::move(word)), word.clear();
                                                   }
                                                 }
                                                 return words.empty() ? std::nullopt : std::optional(words);
                                               },
                                               {{"type", "string"}});
}

// A regular expression that may have references: what they stand for is text in it.
Type<std::string> pattern_with_references_type() {
  Type<std::string> pattern = pattern_type();
  return {[pattern](const yaml::Node& node, std::string& value, Faults& faults) {
            yaml::Node checked = node;
            checked.text.clear();
            try {
              for (const Piece& piece : split_references(node.text, TextKind::command_line)) {
                const auto* literal = std::get_if<std::string>(&piece);
                checked.text += literal != nullptr ? *literal : "x";
              }
            } catch (const base::Error& error) {
              return faults.add(node.at, error.what()), false;
            }
            if (!pattern.decode(checked, value, faults)) return false;
            value = node.text;
            return true;
          },
          pattern.schema, pattern.called};
}

const std::vector<std::string> process_states{"waiting", "starting", "ready", "exited", "failed", "stopped"};
const std::vector<std::string> neighbour_states{"INCOMPLETE", "REACHABLE", "STALE", "DELAY",
                                                "PROBE",      "FAILED",    "NOARP", "PERMANENT"};
const std::vector<std::string> link_states{"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN",
                                           "TESTING", "DORMANT",    "UP"};

std::vector<std::string> all_states() {
  std::vector<std::string> all = process_states;
  all.insert(all.end(), neighbour_states.begin(), neighbour_states.end());
  all.insert(all.end(), link_states.begin(), link_states.end());
  return all;
}

bool is_state_of(const std::string& what, const std::vector<std::string>& states,
                 const std::optional<std::string>& state, const yaml::Node& node, Faults& faults) {
  if (!state || std::find(states.begin(), states.end(), *state) != states.end()) return true;
  faults.add(node.find("state")->at,
             fmt::format("\"{}\" is no state of {}{}", *state, what, suggestion(*state, states)));
  return false;
}

ObjectKind<WrittenExpectation> expectation_kind() {
  using W = WrittenExpectation;
  auto node_name = optional(located(word_type("the name of a node")));
  auto number = [](std::string called, std::uint64_t most) { return number_type<unsigned>(called, 0, most); };
  ObjectKind<W> kind{"expect", "Something that must be true: a reach (from), or a state of a node (on) or a process.",
                     "{from: client, ping: 192.168.1.2}"};
  kind.fields = {
      field<W>("from", &W::from, node_name, "The node (or pod) that tries to reach something.", "client"),
      field<W>("http", &W::http, optional(located(word_type("a URL (http://HOST:PORT/PATH)"))),
               "It makes an HTTP request to this URL.", "http://10.10.0.1:8410/"),
      field<W>("tcp", &W::tcp, optional(located(word_type("host:port"))), "It connects by TCP.", "10.10.0.1:8410"),
      field<W>("udp", &W::udp, optional(located(word_type("host:port"))),
               "It sends a datagram and waits for an answer.", "10.10.0.1:53"),
      field<W>("ping", &W::ping, optional(located(word_type("an address"))), "It sends an ICMP echo request.",
               "10.10.0.1"),
      field<W>("dns", &W::dns, optional(located(word_type("a domain name"))), "It asks a name server for this name.",
               "web.default.svc.cluster.local"),
      field<W>("type", &W::type, optional(choice_type({"A", "AAAA", "SRV", "PTR", "CNAME", "TXT"})),
               "The type of the records; A where this is left out. The name of a PTR may be an address.", "AAAA"),
      field<W>("server", &W::server, optional(word_type("an address, or address:port")),
               "The name server; the first of the node's resolv.conf where this is left out.", "10.108.0.10"),
      field<W>("records", &W::records, optional(list_of(word_type("a record's data"), "records", Single::accepted)),
               "Exactly these records are the answer, in any order, as zone files write them.", "[10.10.0.1]"),
      field<W>("fails", &W::fails, failure_type(),
               "It must fail, and like this. nxdomain, nodata and servfail are DNS's, which has none of reset and "
               "unreachable.",
               "timeout"),
      field<W>("requests", &W::requests, number_type<unsigned>("a number of requests", 1, 1000),
               "How many requests, each by a connection of its own.", "10"),
      field<W>("timeout", &W::timeout, optional(duration_type()), "How long one request may take.", "2s"),
      field<W>("status", &W::status, optional(number_type<unsigned>("an HTTP status", 100, 599)),
               "The HTTP status of every answer.", "200"),
      field<W>("body", &W::body, optional(text_type()), "A text that every answer contains.", "hello"),
      field<W>("answeredBy", &W::answered_by, list_of(word_type("a name"), "names", Single::accepted),
               "Exactly these servers answered, each at least once.", "[rs1, rs2]"),
      field<W>("answeredOn", &W::answered_on,
               list_of(located(word_type("the name of a node")), "names of nodes", Single::accepted),
               "Servers on exactly these nodes answered, on each at least once.", "[worker1, worker2]"),
      field<W>("answers", &W::answers, answers_type(),
               "How many of the requests each server answered, a number or a range; no others answered.",
               "{rs1: 4, rs2: 4-6}"),
      field<W>("sees", &W::sees, optional(word_type("an address")), "The client address that every server saw.",
               "192.168.113.101"),
      field<W>("on", &W::on, node_name, "The node (or pod) whose state is meant.", "ds"),
      field<W>("run", &W::run, optional(located(word_type("a command line"))), "A command of the node's shell.",
               "\"ip route get 10.10.0.1\""),
      field<W>("exit", &W::exit, number_type<int>("an exit code", 0, 255), "Its exit code.", "0"),
      field<W>("prints", &W::prints, optional(pattern_with_references_type()),
               "A regular expression found in what it prints.", "\"dev lan\""),
      field<W>("ipvs", &W::ipvs, optional(located(word_type("a virtual service"))), "A virtual service of the node.",
               "tcp://10.10.0.1:8410"),
      field<W>("servers", &W::servers, optional(list_of(word_type("a server (192.168.113.99:8080)"), "servers")),
               "Exactly these real servers take new connections, in any order. Those of weight 0 do not.",
               "[192.168.113.99:8080]"),
      field<W>("count", &W::count, optional(number("a number", 100000)),
               "That many real servers take new connections, that many connections are tracked, or that many routes, "
               "neighbours, forwarding entries or links are like this; 0 is none.",
               "2"),
      field<W>("ipset", &W::ipset, optional(located(word_type("the name of a set"))), "An IP set of the node.",
               "KUBE-CLUSTER-IP"),
      field<W>("contains", &W::contains, list_of(word_type("a member"), "members", Single::accepted),
               "Members that the set has, or records that the answer has.", "[\"10.108.0.10,tcp:80\"]"),
      field<W>("conntrack", &W::conntrack, optional(words_in_text_type("fields of a connection")),
               "The connection table has an entry with all of these fields, in this order.",
               "tcp ESTABLISHED src=192.168.113.102 dst=10.10.0.1"),
      field<W>("rule", &W::rule, optional(located(word_type("a text of a rule"))),
               "An iptables rule that has this text, as iptables-save writes it.", "--vaddr 10.10.0.1"),
      field<W>("table", &W::table, optional(choice_type({"raw", "mangle", "nat", "filter"})), "The rule's table.",
               "nat"),
      field<W>("packets", &W::packets, optional(number_type<std::uint64_t>("a number", 0, 1ull << 53)),
               "What the rule's packet counter says, or how many packets were captured: 0 for none.", "0"),
      field<W>("atLeast", &W::at_least, optional(number_type<std::uint64_t>("a number", 0, 1ull << 53)),
               "What the rule's packet counter has reached, or that many connections or captured packets at least.",
               "1"),
      field<W>("captured", &W::captured, optional(located(word_type("a filter expression"))),
               "What capture steps have recorded on the node has packets that match this expression of libpcap "
               "(pcap-filter(7)).",
               "\"src host 192.168.113.102 and tcp[tcpflags] & tcp-syn != 0\""),
      field<W>("route", &W::route, optional(words_in_text_type("a route")),
               "The node has a route with all of these words, in the order of `ip route show table all`; of the main "
               "table, unless `table` is among them.",
               "10.244.2.0/24 via 192.168.113.12 dev lan"),
      field<W>("neighbour", &W::neighbour, optional(located(word_type("an address"))),
               "The node's ARP or NDP table has this address.", "192.168.113.99"),
      field<W>("fdb", &W::fdb, optional(words_in_text_type("a MAC address, and dst with an address")),
               "A bridge or VXLAN device of the node has a forwarding entry for this MAC address.",
               "02:00:00:00:00:01 dst 192.168.113.12"),
      field<W>("link", &W::link, optional(located(word_type("the name of a link"))),
               "The link that is meant; alone, what is expected of it.", "vip0"),
      field<W>("mac", &W::mac, optional(word_type("a MAC address")), "The link's or neighbour's MAC address.",
               "\"02:00:00:00:00:01\""),
      field<W>("up", &W::up, optional(boolean_type()), "Whether the link is set up.", "true"),
      field<W>("kind", &W::kind, optional(word_type("a kind of link")), "The link's kind.", "dummy"),
      field<W>("master", &W::master, optional(word_type("the name of a link")),
               "The bridge that the link is a port of.", "br0"),
      field<W>("mtu", &W::mtu, optional(number("a number of bytes", 1u << 20)), "The link's MTU.", "1450"),
      field<W>("process", &W::process, optional(located(word_type("NAME@NODE"))), "The state of a process.", "web@rs1"),
      field<W>("state", &W::state, optional(choice_type(all_states())),
               "Of a process, as `labctl ps` has it; of a neighbour or link, as ip(8) writes it.", "ready"),
      field<W>("restarts", &W::restarts, optional(number_type<std::uint64_t>("a number", 0, 1ull << 53)),
               "It has been started again this often at least.", "1"),
      field<W>("within", &W::within, optional(duration_type()), "It may take this long to become true.", "10s"),
      field<W>("always", &W::always, optional(duration_type()), "It is true at every look for this long.", "5s"),
      field<W>("never", &W::never, optional(duration_type()), "It is true at no look for this long.", "5s")};
  return kind;
}

// ---- from what is written to what is meant

void refuse(const WrittenExpectation&, const yaml::Node& node, Faults& faults, const std::string& why) {
  faults.add(node.at, why);
}

bool only_keys(const yaml::Node& node, std::vector<std::string> allowed, const std::string& what, Faults& faults) {
  bool good = true;
  allowed.insert(allowed.end(), {"within", "always", "never"});
  for (const yaml::Entry& entry : node.entries) {
    if (std::find(allowed.begin(), allowed.end(), entry.key) != allowed.end()) continue;
    faults.add(entry.at,
               fmt::format("\"{}\" does not go with \"{}\"{}", entry.key, what, suggestion(entry.key, allowed)));
    good = false;
  }
  return good;
}

// Addresses are compared as text with what the kernel's tables say, which is written in one way only. What has
// ${references}, or is no address, stays as it is; the checks look at it.
std::string canonical(const std::string& text) {
  if (std::optional<IpAddress> address = IpAddress::parse(text)) return address->to_string();
  if (std::optional<MacAddress> mac = MacAddress::parse(text)) return mac->to_string();
  if (auto endpoint = parse_endpoint(text)) return netlink::endpoint_text(endpoint->first, endpoint->second);
  return text;
}

std::optional<std::string> canonical(const std::optional<std::string>& text) {
  return text ? std::optional(canonical(*text)) : std::nullopt;
}

std::optional<std::vector<std::string>> canonical(std::optional<std::vector<std::string>> texts) {
  if (!texts) return texts;
  for (std::string& text : *texts) text = canonical(text);
  return texts;
}

// "src=fd00::1", "tcp://10.0.0.1:80": what follows MARK.
std::string canonical_after(const std::string& mark, const std::string& text) {
  size_t at = text.find(mark);
  if (at == std::string::npos) return text;
  return text.substr(0, at + mark.size()) + canonical(text.substr(at + mark.size()));
}

std::vector<std::string> canonical_fields(std::vector<std::string> fields) {
  for (std::string& field : fields) field = canonical_after("=", field);
  return fields;
}

// As ip(8) writes destinations: "default", and a single address without its length.
std::vector<std::string> canonical_route(std::vector<std::string> words) {
  for (std::string& word : words) {
    std::optional<Prefix> prefix = Prefix::parse(word);
    if (!prefix) continue;
    bool single = prefix->length == prefix->address.bits();
    word = prefix->is_default() ? "default" : single ? prefix->address.to_string() : prefix->to_string();
  }
  return words;
}

bool make_reach(const WrittenExpectation& written, const yaml::Node& node, Expect& expect, Faults& faults) {
  Reach reach;
  const std::pair<const char*, const std::optional<Located<std::string>>*> targets[] = {
      {"http", &written.http}, {"tcp", &written.tcp}, {"udp", &written.udp}, {"ping", &written.ping}};
  for (const auto& [protocol, target] : targets) {
    if (!target->has_value()) continue;
    if (!reach.protocol.empty()) {
      refuse(written, node, faults,
             fmt::format("\"{}\" and \"{}\" in one expectation, make it two", reach.protocol, protocol));
      return false;
    }
    reach.protocol = protocol;
    reach.target = (*target)->value;
  }
  if (reach.protocol.empty()) {
    refuse(written, node, faults, "\"from\" says who, add what it reaches: http, tcp, udp, ping or dns");
    return false;
  }
  if (!only_keys(node,
                 {"from", reach.protocol, "fails", "requests", "timeout", "status", "body", "answeredBy", "answeredOn",
                  "answers", "sees"},
                 reach.protocol, faults)) {
    return false;
  }
  reach.from = *written.from;
  reach.fails = written.fails;
  reach.requests = written.requests;
  reach.timeout = written.timeout;
  reach.status = written.status;
  reach.body = written.body;
  reach.answered_by = written.answered_by;
  reach.answered_on = written.answered_on;
  reach.answers = written.answers;
  reach.sees = canonical(written.sees);
  expect.what = std::move(reach);
  return true;
}

bool make_dns(const WrittenExpectation& written, const yaml::Node& node, Expect& expect, Faults& faults) {
  DnsAnswer answer{*written.from,   written.dns->value, written.type.value_or("A"),
                   written.server,  written.fails,      written.timeout,
                   written.records, written.contains};
  if (answer.type == "A" || answer.type == "AAAA") {
    answer.records = canonical(answer.records);
    for (std::string& record : answer.contains) record = canonical(record);
  }
  expect.what = std::move(answer);
  return only_keys(node, {"from", "dns", "type", "server", "fails", "timeout", "records", "contains"}, "dns", faults);
}

bool make_process(const WrittenExpectation& written, const yaml::Node& node, Expect& expect, Faults& faults) {
  if (!is_state_of("a process", process_states, written.state, node, faults)) return false;
  expect.what = ProcessStatus{*written.process, written.state, written.restarts};
  return only_keys(node, {"process", "state", "restarts"}, "process", faults);
}

std::optional<std::string> value_of(const std::optional<Located<std::string>>& located) {
  return located ? std::optional(located->value) : std::nullopt;
}

// "MAC" or "MAC dst ADDRESS"
bool make_forwarding(const WrittenExpectation& written, const yaml::Node& node, Expect& expect, Faults& faults) {
  const std::vector<std::string>& words = *written.fdb;
  bool with_destination = words.size() == 3 && words[1] == "dst";
  if ((words.size() != 1 && !with_destination) || !netlink::MacAddress::parse(words[0])) {
    faults.add(node.find("fdb")->at, "a forwarding entry is MAC or MAC dst ADDRESS (02:00:00:00:00:01 dst 10.0.0.2)");
    return false;
  }
  ForwardingEntry entry{*written.on, canonical(words[0]), std::nullopt, value_of(written.link), written.count};
  if (with_destination) entry.destination = canonical(words[2]);
  expect.what = std::move(entry);
  return only_keys(node, {"on", "fdb", "link", "count"}, "fdb", faults);
}

// What rtnetlink tells of: routes, neighbours, forwarding entries, links. Nothing where it is none of them.
std::optional<bool> make_network_state(const WrittenExpectation& written, const yaml::Node& node, Expect& expect,
                                       Faults& faults) {
  const Located<std::string>& on = *written.on;
  if (written.route) {
    expect.what = RouteEntry{on, canonical_route(*written.route), written.count};
    return only_keys(node, {"on", "route", "count"}, "route", faults);
  }
  if (written.neighbour) {
    if (!is_state_of("a neighbour", neighbour_states, written.state, node, faults)) return false;
    expect.what = NeighbourEntry{on,
                                 canonical(written.neighbour->value),
                                 canonical(written.mac),
                                 written.state,
                                 value_of(written.link),
                                 written.count};
    return only_keys(node, {"on", "neighbour", "mac", "state", "link", "count"}, "neighbour", faults);
  }
  if (written.fdb) return make_forwarding(written, node, expect, faults);
  if (!written.link) return std::nullopt;
  if (!is_state_of("a link", link_states, written.state, node, faults)) return false;
  expect.what = LinkState{
      on,          written.link->value, written.up, written.kind, written.master, canonical(written.mac), written.state,
      written.mtu, written.count};
  return only_keys(node, {"on", "link", "up", "kind", "master", "mac", "state", "mtu", "count"}, "link", faults);
}

bool make_state(const WrittenExpectation& written, const yaml::Node& node, Expect& expect, Faults& faults) {
  const Located<std::string>& on = *written.on;
  if (written.run) {
    expect.what = CommandOutcome{on, written.run->value, written.exit, written.prints};
    return only_keys(node, {"on", "run", "exit", "prints"}, "run", faults);
  }
  if (written.ipvs) {
    expect.what = IpvsTable{on, canonical_after("://", written.ipvs->value), canonical(written.servers), written.count};
    return only_keys(node, {"on", "ipvs", "servers", "count"}, "ipvs", faults);
  }
  if (written.ipset) {
    expect.what = IpsetMembers{on, written.ipset->value, written.contains};
    return only_keys(node, {"on", "ipset", "contains"}, "ipset", faults);
  }
  if (written.conntrack) {
    expect.what = ConntrackEntry{on, canonical_fields(*written.conntrack), written.count, written.at_least};
    return only_keys(node, {"on", "conntrack", "count", "atLeast"}, "conntrack", faults);
  }
  if (written.rule) {
    expect.what =
        RuleCounter{on, written.table.value_or("filter"), written.rule->value, written.packets, written.at_least};
    return only_keys(node, {"on", "rule", "table", "packets", "atLeast"}, "rule", faults);
  }
  if (written.captured) {
    expect.what = CapturedPackets{on, *written.captured, written.link, written.packets, written.at_least};
    return only_keys(node, {"on", "captured", "link", "packets", "atLeast"}, "captured", faults);
  }
  if (std::optional<bool> good = make_network_state(written, node, expect, faults)) return *good;
  refuse(written, node, faults,
         "\"on\" says where, add what is expected: run, ipvs, ipset, conntrack, rule, captured, route, neighbour, fdb "
         "or link");
  return false;
}

bool decode_expect(const yaml::Node& node, Expect& expect, Faults& faults) {
  static const ObjectKind<WrittenExpectation> kind = expectation_kind();
  WrittenExpectation written;
  if (!decode_object(kind, node, written, faults)) return false;
  expect.within = written.within;
  expect.always = written.always;
  expect.never = written.never;
  if (written.within.has_value() + written.always.has_value() + written.never.has_value() > 1) {
    faults.add(node.at, "one of \"within\", \"always\" and \"never\", remove the others or make it two steps");
    return false;
  }
  if (written.from && written.on) {
    faults.add(node.at, "either \"from\" (who reaches something) or \"on\" (whose state), not both");
    return false;
  }
  if (written.process) return make_process(written, node, expect, faults);
  if (written.from && written.dns) return make_dns(written, node, expect, faults);
  if (written.from) return make_reach(written, node, expect, faults);
  if (written.on) return make_state(written, node, expect, faults);
  faults.add(node.at, "an expectation needs \"from\" (who reaches something), \"on\" (whose state) or \"process\"");
  return false;
}

}  // namespace

Type<Expect> expect_type() {
  return {decode_expect, [](SchemaBuilder& builder) { return object_schema(expectation_kind(), builder); },
          "an expectation"};
}

}  // namespace topology
