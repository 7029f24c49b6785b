// Tables by rtnetlink.
#include <boost/json.hpp>

#include "labctl/scenario/inspect/tables.h"
#include "lib/netlink/tables.h"

namespace inspect {
namespace {

namespace json = boost::json;

json::array words(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

json::value text_or_null(const std::optional<netlink::IpAddress>& address) {
  return address ? json::value(json::string(address->to_string())) : json::value();
}
json::value text_or_null(const std::optional<netlink::Prefix>& prefix) {
  return prefix ? json::value(json::string(prefix->to_string())) : json::value();
}
template <class Number>
json::value number_or_null(const std::optional<Number>& number) {
  return number ? json::value(*number) : json::value();
}

const char* family_name(int family) {
  return family == AF_INET6 ? "inet6" : "inet";
}

json::object to_json(const netlink::TrafficCount& count) {
  return {{"packets", count.packets}, {"bytes", count.bytes}, {"errors", count.errors}, {"dropped", count.dropped}};
}

json::object to_json(const netlink::LinkRow& row) {
  json::object details;
  for (const auto& [name, value] : row.details) details[name] = value;
  return {{"index", row.index},
          {"name", row.name},
          {"alternativeNames", words(row.alternative_names)},
          {"kind", row.kind},
          {"details", std::move(details)},
          {"mac", row.mac},
          {"mtu", row.mtu},
          {"master", row.master},
          {"up", row.up},
          {"state", row.state},
          {"carrier", row.carrier},
          {"flags", words(row.flags)},
          {"qdisc", row.queueing},
          {"impairment", row.impairment},
          {"received", to_json(row.received)},
          {"sent", to_json(row.sent)}};
}

json::object to_json(const netlink::AddressRow& row) {
  return {{"link", row.link},
          {"address", row.address.to_string()},
          {"peer", text_or_null(row.peer)},
          {"scope", row.scope},
          {"label", row.label},
          {"flags", words(row.flags)}};
}

json::object to_json(const netlink::RouteRow& row) {
  json::array hops;
  for (const netlink::NextHop& hop : row.next_hops) {
    hops.push_back(json::object{{"via", text_or_null(hop.via)}, {"link", hop.link}, {"weight", hop.weight}});
  }
  return {{"family", family_name(row.family)},
          {"type", row.type},
          {"destination", row.destination.is_default() ? "default" : row.destination.to_string()},
          {"via", text_or_null(row.via)},
          {"link", row.link},
          {"nextHops", std::move(hops)},
          {"table", row.table},
          {"protocol", row.protocol},
          {"scope", row.scope},
          {"source", text_or_null(row.source)},
          {"metric", number_or_null(row.metric)},
          {"mtu", number_or_null(row.mtu)},
          {"onlink", row.onlink},
          {"flags", words(row.flags)},
          {"line", row.line()}};
}

json::object to_json(const netlink::RuleRow& row) {
  return {{"family", family_name(row.family)},
          {"priority", row.priority},
          {"inverted", row.inverted},
          {"from", text_or_null(row.from)},
          {"to", text_or_null(row.to)},
          {"incoming", row.incoming},
          {"outgoing", row.outgoing},
          {"mark", number_or_null(row.mark)},
          {"markMask", number_or_null(row.mark_mask)},
          {"action", row.action},
          {"table", row.table},
          {"line", row.line()}};
}

json::object to_json(const netlink::NeighbourRow& row) {
  return {{"address", row.address.to_string()},
          {"link", row.link},
          {"mac", row.mac},
          {"state", row.state},
          {"router", row.router},
          {"proxy", row.proxy}};
}

json::object to_json(const netlink::ForwardingRow& row) {
  return {{"mac", row.mac},
          {"link", row.link},
          {"master", row.master},
          {"destination", text_or_null(row.destination)},
          {"vlan", number_or_null(row.vlan)},
          {"vni", number_or_null(row.vni)},
          {"learned", row.learned},
          {"local", row.local},
          {"state", row.state}};
}

template <class Row>
json::array to_json(const std::vector<Row>& rows) {
  json::array array;
  for (const Row& row : rows) array.push_back(to_json(row));
  return array;
}

}  // namespace

json::object links() {
  netlink::Socket socket;
  return {{"links", to_json(netlink::read_links(socket))}};
}

json::object addresses() {
  netlink::Socket socket;
  return {{"addresses", to_json(netlink::read_addresses(socket))}};
}

json::object routes() {
  netlink::Socket socket;
  json::array routes = to_json(netlink::read_routes(socket));
  return {{"routes", std::move(routes)}, {"rules", to_json(netlink::read_rules(socket))}};
}

json::object neighbours() {
  netlink::Socket socket;
  return {{"neighbours", to_json(netlink::read_neighbours(socket))}};
}

json::object forwarding() {
  netlink::Socket socket;
  return {{"entries", to_json(netlink::read_forwarding(socket))}};
}

}  // namespace inspect
