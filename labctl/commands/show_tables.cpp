#include "labctl/commands/show_tables.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <boost/json.hpp>
#include <map>

#include "labctl/commands/output.h"
#include "lib/kube/objects.h"
#include "lib/netlink/address.h"

namespace commands {
namespace {

namespace json = boost::json;
using kube::array_at;
using kube::flag_at;
using kube::number_at;
using kube::strings_at;
using kube::text_at;

std::string number(const json::object& row, const char* key) {
  const json::value* value = row.if_contains(key);
  return value == nullptr || !value->is_number() ? "" : std::to_string(value->to_number<std::int64_t>());
}

std::string yes(const json::object& row, const char* key) {
  return flag_at(row, key) ? "yes" : "no";
}

// ---- conntrack

std::string protocol_name(const json::object& entry) {
  static const std::map<std::int64_t, const char*> names{{IPPROTO_TCP, "tcp"},
                                                         {IPPROTO_UDP, "udp"},
                                                         {IPPROTO_ICMP, "icmp"},
                                                         {IPPROTO_ICMPV6, "icmpv6"},
                                                         {IPPROTO_SCTP, "sctp"}};
  auto found = names.find(number_at(entry, "protocol"));
  return found == names.end() ? "protocol " + number(entry, "protocol") : found->second;
}

std::string end_point(const json::object& tuple, const char* address, const char* port) {
  std::string text = text_at(tuple, address);
  std::int64_t number = number_at(tuple, port);
  if (number == 0) return text;
  return fmt::format(fmt::runtime(text.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), text, number);
}

// Where an answer is not the question turned round, an address was rewritten.
std::string rewriting(const json::object& original, const json::object& reply) {
  std::vector<std::string> words;
  std::string server = end_point(reply, "source", "sourcePort"),
              asked = end_point(original, "destination", "destinationPort");
  std::string answered = end_point(reply, "destination", "destinationPort"),
              client = end_point(original, "source", "sourcePort");
  if (server != asked) words.push_back(fmt::format("its destination {} is rewritten to {} (DNAT)", asked, server));
  if (answered != client) words.push_back(fmt::format("its source {} is rewritten to {} (SNAT)", client, answered));
  return joined(words, "; ");
}

void print_connection(const json::object& entry, std::ostream& out) {
  const json::object &original = kube::object_at(entry, "original"), &reply = kube::object_at(entry, "reply");
  std::string state = text_at(entry, "state");
  out << protocol_name(entry) << (state.empty() ? "" : "  state " + state) << "\n";
  auto tuple = [&](const char* name, const json::object& it) {
    out << fmt::format("  {:<9} source {}, destination {}\n", name, end_point(it, "source", "sourcePort"),
                       end_point(it, "destination", "destinationPort"));
  };
  tuple("original", original);
  tuple("reply", reply);
  std::string rewritten = rewriting(original, reply);
  if (!rewritten.empty()) out << "  rewriting " << rewritten << "\n";
  out << "  status    "
      << (flag_at(entry, "assured")   ? "[ASSURED]: kept when the table is full"
          : flag_at(entry, "replied") ? "answered, not yet [ASSURED]: among the first to go when the table is full"
                                      : "[UNREPLIED]: no packet has come back")
      << "\n  timeout   " << number(entry, "timeoutSeconds") << " s: forgotten then, unless a packet comes\n"
      << "  mark      " << number(entry, "mark") << "\n  use       " << number(entry, "uses")
      << ": references that the kernel holds\n";
}

// ---- ipvs

std::string service_name(const json::object& service) {
  if (number_at(service, "fwmark") != 0) return "fwmark " + number(service, "fwmark");
  return text_at(service, "protocol") + "://" + end_point(service, "address", "port");
}

void print_service(const json::object& service, std::ostream& out) {
  out << "virtual service " << service_name(service) << ", scheduler " << text_at(service, "scheduler");
  if (number_at(service, "persistenceSeconds") != 0 && (number_at(service, "flags") & 1) != 0) {
    out << ", a client stays with its server for " << number(service, "persistenceSeconds") << " s";
  }
  out << fmt::format("\n  {} connections, {} packets ({} bytes) in, {} packets ({} bytes) out\n",
                     number(service, "connections"), number(service, "packetsIn"), number(service, "bytesIn"),
                     number(service, "packetsOut"), number(service, "bytesOut"));
  Table table({"  SERVER", "FORWARDING", "WEIGHT", "ACTIVE", "INACTIVE", "CONNECTIONS", "PACKETS IN", "BYTES IN",
               "PACKETS OUT", "BYTES OUT"});
  for (const json::value& it : array_at(service, "servers")) {
    const json::object& server = it.as_object();
    table.add({"  " + end_point(server, "address", "port"), text_at(server, "forwarding"), number(server, "weight"),
               number(server, "active"), number(server, "inactive"), number(server, "connections"),
               number(server, "packetsIn"), number(server, "bytesIn"), number(server, "packetsOut"),
               number(server, "bytesOut")});
  }
  if (table.empty()) {
    out << "  it has no servers: its packets are refused\n";
  } else {
    table.print(out);
  }
}

// ---- links

std::string details_of(const json::object& link) {
  std::vector<std::string> words;
  for (const auto& detail : kube::object_at(link, "details")) {
    words.push_back(std::string(detail.key()) + " " + std::string(detail.value().as_string()));
  }
  return joined(words, ", ");
}

std::string count_text(const json::object& count) {
  std::string text = fmt::format("{} packets, {} bytes", number(count, "packets"), number(count, "bytes"));
  if (number_at(count, "errors") != 0) text += ", " + number(count, "errors") + " errors";
  if (number_at(count, "dropped") != 0) text += ", " + number(count, "dropped") + " dropped";
  return text;
}

std::string or_none(const json::object& row, const char* key) {
  std::string text = text_at(row, key);
  return text.empty() ? "-" : text;
}

void print_table(const Table& table, const char* nothing, std::ostream& out) {
  if (table.empty()) {
    out << nothing << "\n";
  } else {
    table.print(out);
  }
}

Table table_of_routes(const json::object& table, bool only_main) {
  Table shown({"TABLE", "DESTINATION", "VIA", "LINK", "SOURCE", "PROTOCOL", "SCOPE", "METRIC", "TYPE"});
  for (const json::value& it : array_at(table, "routes")) {
    const json::object& route = it.as_object();
    if (only_main && text_at(route, "table") != "main") continue;
    std::string via = or_none(route, "via"), link = or_none(route, "link");
    std::vector<std::string> hops;
    for (const json::value& hop : array_at(route, "nextHops")) {
      hops.push_back(text_at(hop.as_object(), "via") + " by " + text_at(hop.as_object(), "link") + " (weight " +
                     number(hop.as_object(), "weight") + ")");
    }
    if (!hops.empty()) via = joined(hops, ", ");
    if (flag_at(route, "onlink")) via += " (onlink)";
    std::string metric = number(route, "metric");
    shown.add({text_at(route, "table"), text_at(route, "destination"), via, link, or_none(route, "source"),
               text_at(route, "protocol"), text_at(route, "scope"), metric.empty() ? "-" : metric,
               text_at(route, "type")});
  }
  return shown;
}

}  // namespace

void print_conntrack(const json::object& table, std::ostream& out) {
  const json::array& entries = array_at(table, "entries");
  if (entries.empty()) out << "no connection is tracked\n";
  for (const json::value& entry : entries) {
    if (&entry != &entries.front()) out << "\n";
    print_connection(entry.as_object(), out);
  }
}

void print_ipvs(const json::object& table, std::ostream& out) {
  const json::array& services = array_at(table, "services");
  if (services.empty()) out << "no virtual service\n";
  for (const json::value& service : services) {
    if (&service != &services.front()) out << "\n";
    print_service(service.as_object(), out);
  }
}

void print_ipset(const json::object& table, std::ostream& out) {
  const json::array& sets = array_at(table, "sets");
  if (sets.empty()) out << "no set\n";
  for (const json::value& it : sets) {
    const json::object& set = it.as_object();
    std::vector<std::string> entries = strings_at(set, "entries");
    out << fmt::format("set {}, type {}, family {}, {} entries\n", text_at(set, "name"), text_at(set, "type"),
                       text_at(set, "family"), entries.size());
    for (const std::string& entry : entries) out << "  " << entry << "\n";
  }
}

void print_rules(const json::object& tables, std::ostream& out) {
  Table shown({"TABLE", "FAMILY", "CHAIN", "PACKETS", "BYTES", "RULE"});
  for (const json::value& it : array_at(tables, "tables")) {
    for (const json::value& rule : array_at(it.as_object(), "rules")) {
      const json::object& row = rule.as_object();
      shown.add({text_at(it.as_object(), "table"), text_at(row, "family"), text_at(row, "chain"),
                 number(row, "packets"), number(row, "bytes"), text_at(row, "rule")});
    }
  }
  print_table(shown, "no rule of iptables", out);
  if (!text_at(tables, "missing").empty()) out << "the ruleset of nftables is not shown: nft is not installed\n";
  std::string ruleset = text_at(tables, "ruleset");
  if (!ruleset.empty()) out << "\nruleset of nftables (that of iptables-nft is among it):\n" << ruleset;
}

void print_routes(const json::object& table, std::ostream& out) {
  out << "policy rules, asked in this order\n";
  Table rules({"  PRIORITY", "FAMILY", "RULE"});
  for (const json::value& it : array_at(table, "rules")) {
    std::string line = text_at(it.as_object(), "line");
    rules.add({"  " + number(it.as_object(), "priority"), text_at(it.as_object(), "family"),
               line.substr(std::min(line.find(' ') + 1, line.size()))});
  }
  print_table(rules, "  none", out);
  out << "\nroutes\n";
  print_table(table_of_routes(table, false), "none", out);
}

void print_neighbours(const json::object& table, std::ostream& out) {
  Table shown({"ADDRESS", "LINK", "MAC", "STATE", "ROUTER"});
  for (const json::value& it : array_at(table, "neighbours")) {
    const json::object& row = it.as_object();
    shown.add({text_at(row, "address"), text_at(row, "link"), or_none(row, "mac"), text_at(row, "state"),
               yes(row, "router")});
  }
  print_table(shown, "no neighbour is known", out);
}

void print_forwarding(const json::object& table, std::ostream& out) {
  Table shown({"MAC", "LINK", "BRIDGE", "TUNNEL END", "VLAN", "ORIGIN", "STATE"});
  for (const json::value& it : array_at(table, "entries")) {
    const json::object& row = it.as_object();
    std::string vlan = number(row, "vlan");
    const char* origin = flag_at(row, "local") ? "its own" : flag_at(row, "learned") ? "learned" : "set";
    shown.add({text_at(row, "mac"), text_at(row, "link"), or_none(row, "master"), or_none(row, "destination"),
               vlan.empty() ? "-" : vlan, origin, text_at(row, "state")});
  }
  print_table(shown, "no bridge or VXLAN device here has an entry", out);
}

void print_links(const json::object& table, std::ostream& out) {
  const json::array& links = array_at(table, "links");
  for (const json::value& it : links) {
    const json::object& link = it.as_object();
    if (&it != &links.front()) out << "\n";
    std::string kind = text_at(link, "kind"), details = details_of(link), master = text_at(link, "master");
    out << "link " << text_at(link, "name") << ", " << (kind.empty() ? "loopback or hardware" : "kind " + kind) << "\n"
        << "  set       " << (flag_at(link, "up") ? "up" : "down") << ", state " << text_at(link, "state")
        << (flag_at(link, "carrier") ? ", with carrier" : ", without carrier") << "\n"
        << "  MAC       " << or_none(link, "mac") << "\n  MTU       " << number(link, "mtu") << "\n";
    if (!master.empty()) out << "  port of   " << master << "\n";
    if (!details.empty()) out << "  details   " << details << "\n";
    out << "  qdisc     " << or_none(link, "qdisc")
        << (text_at(link, "impairment").empty() ? "" : ": " + text_at(link, "impairment")) << "\n  flags     "
        << joined(strings_at(link, "flags"), " ") << "\n  received  " << count_text(kube::object_at(link, "received"))
        << "\n  sent      " << count_text(kube::object_at(link, "sent")) << "\n";
  }
}

void print_overview(const json::object& tables, std::ostream& out) {
  std::map<std::string, std::vector<std::string>> addresses;
  for (const json::value& it : array_at(tables, "addresses")) {
    addresses[text_at(it.as_object(), "link")].push_back(text_at(it.as_object(), "address"));
  }
  Table links({"LINK", "KIND", "STATE", "MTU", "MAC", "ADDRESSES", "DETAILS"});
  for (const json::value& it : array_at(tables, "links")) {
    const json::object& link = it.as_object();
    std::string name = text_at(link, "name");
    std::vector<std::string> others = strings_at(link, "alternativeNames");
    if (!others.empty()) name = others.front();
    links.add({name, or_none(link, "kind"), flag_at(link, "up") ? text_at(link, "state") : "set down",
               number(link, "mtu"), or_none(link, "mac"), joined(addresses[name], ", "), details_of(link)});
  }
  links.print(out);
  out << "\n";
  print_table(table_of_routes(tables, true), "no route", out);
}

}  // namespace commands
