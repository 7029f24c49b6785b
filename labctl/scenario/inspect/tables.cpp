#include "labctl/scenario/inspect/tables.h"

#include <sys/socket.h>

#include <boost/json.hpp>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netfilter/conntrack/conntrack.h"
#include "lib/netfilter/ipset/ipset.h"
#include "lib/netfilter/iptables.h"
#include "lib/netfilter/ipvs.h"
#include "lib/netfilter/rule_counters.h"

namespace inspect {
namespace {

namespace json = boost::json;

void add(json::object& object, const netfilter::IpvsStatistics& statistics) {
  object["connections"] = statistics.connections;
  object["packetsIn"] = statistics.packets_in;
  object["packetsOut"] = statistics.packets_out;
  object["bytesIn"] = statistics.bytes_in;
  object["bytesOut"] = statistics.bytes_out;
}

json::object to_json(const netfilter::DestinationState& state) {
  const netfilter::Destination& server = state.destination;
  json::object object{{"address", server.address.to_string()},
                      {"port", server.port},
                      {"forwarding", netfilter::to_string(server.forwarding)},
                      {"weight", server.weight},
                      {"upperThreshold", server.upper_threshold},
                      {"lowerThreshold", server.lower_threshold},
                      {"active", state.active_connections},
                      {"inactive", state.inactive_connections},
                      {"persistent", state.persistent_connections}};
  add(object, state.statistics);
  return object;
}

json::object to_json(const netfilter::VirtualServiceState& state) {
  const netfilter::VirtualService& service = state.service;
  json::object object{{"protocol", netfilter::lower_case(service.key.protocol)},
                      {"address", service.key.address.to_string()},
                      {"port", service.key.port},
                      {"fwmark", service.key.fwmark},
                      {"scheduler", service.scheduler},
                      {"flags", service.flags},
                      {"persistenceSeconds", service.persistence_seconds},
                      {"persistencePrefixLength", service.persistence_prefix_length}};
  add(object, state.statistics);
  json::array servers;
  for (const netfilter::DestinationState& server : state.destinations) servers.push_back(to_json(server));
  object["servers"] = std::move(servers);
  return object;
}

json::object to_json(const netfilter::ConntrackTuple& tuple) {
  return {{"source", tuple.source.to_string()},
          {"destination", tuple.destination.to_string()},
          {"sourcePort", tuple.source_port},
          {"destinationPort", tuple.destination_port}};
}

json::object to_json(const netfilter::ConntrackEntry& entry) {
  return {{"protocol", entry.protocol},
          {"state", entry.state},
          {"timeoutSeconds", entry.timeout_seconds},
          {"original", to_json(entry.original)},
          {"reply", to_json(entry.reply)},
          {"replied", entry.replied},
          {"assured", entry.assured},
          {"mark", entry.mark},
          {"uses", entry.uses},
          {"line", entry.line}};
}

json::object to_json(const netfilter::IpSetState& set) {
  return {{"name", set.name},
          {"type", set.type},
          {"family", set.ipv6 ? "inet6" : "inet"},
          {"entries", json::array(set.entries.begin(), set.entries.end())}};
}

}  // namespace

json::object ipvs() {
  netfilter::Ipvs ipvs;
  netfilter::IpvsInfo info = ipvs.info();
  std::vector<netfilter::VirtualServiceState> services = ipvs.list();
  json::array listed;
  for (const netfilter::VirtualServiceState& service : services) listed.push_back(to_json(service));
  return {
      {"version", info.version}, {"services", std::move(listed)}, {"text", format_table(info, std::move(services))}};
}

json::object ipsets(const std::string& name) {
  netfilter::IpSets sets;
  json::array listed;
  if (name.empty()) {
    for (const netfilter::IpSetState& set : sets.list()) listed.push_back(to_json(set));
  } else if (std::optional<netfilter::IpSetState> set = sets.list(name)) {
    listed.push_back(to_json(*set));
  }
  return {{"sets", std::move(listed)}};
}

json::object conntrack() {
  netfilter::Conntrack conntrack;
  json::array entries;
  for (int family : {AF_INET, AF_INET6}) {
    for (const netfilter::ConntrackEntry& entry : conntrack.list(family)) entries.push_back(to_json(entry));
  }
  return {{"entries", std::move(entries)}};
}

json::object rules(const std::string& table) {
  using netfilter::Iptables;
  json::array listed;
  for (Iptables::Family family : {Iptables::Family::ipv4, Iptables::Family::ipv6}) {
    for (const netfilter::CountedRule& rule : netfilter::counted_rules(family, table)) {
      listed.push_back(json::object{{"program", rule.program},
                                    {"family", family == Iptables::Family::ipv4 ? "inet" : "inet6"},
                                    {"chain", rule.chain},
                                    {"rule", rule.rule},
                                    {"packets", rule.packets},
                                    {"bytes", rule.bytes}});
    }
  }
  return {{"table", table}, {"rules", std::move(listed)}};
}

json::object nftables() {
  if (!netfilter::Iptables::kernel_has_nf_tables()) return {{"ruleset", ""}, {"missing", ""}};
  try {
    return {{"ruleset", base::run_checked({"nft", "--numeric", "list", "ruleset"})}, {"missing", ""}};
  } catch (const base::Error& error) {
    if (error.error_number() != ENOENT) throw;
    return {{"ruleset", ""}, {"missing", "nft"}};
  }
}

}  // namespace inspect
