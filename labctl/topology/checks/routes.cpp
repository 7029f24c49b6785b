#include <fmt/format.h>

#include <map>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

constexpr std::uint32_t main_table = 254;  // RT_TABLE_MAIN

bool has_address(const Node& node, const IpAddress& address) {
  for (const Link& link : node.links) {
    for (const Located<Prefix>& own : link.addresses) {
      if (own.value.address == address) return true;
    }
  }
  return false;
}

// fe80::/10: of whatever link the route names.
bool is_link_local(const IpAddress& address) {
  return Prefix::parse("fe80::/10")->contains(address);
}

// By a subnet of the node, or by a link that a route before this one leads to (fib_check_nh() in
// net/ipv4/fib_semantics.c looks it up).
bool reaches_directly(const Node& node, const Route& route, const IpAddress& gateway) {
  if (is_link_local(gateway) && route.device) return true;
  for (const Route& before : node.routes) {
    if (&before == &route) break;
    bool of_link = before.device && !before.via && before.table.value_or(main_table) == main_table;
    if (of_link && before.destination.contains(gateway)) return true;
  }
  for (const Link& link : node.links) {
    for (const Located<Prefix>& own : link.addresses) {
      if (own.value.contains(gateway)) return true;
    }
  }
  return false;
}

bool of_another_version(const Route& route, const IpAddress& address) {
  return address.family() != route.destination.address.family();
}

void check_gateway(const Node& node, const Route& route, Faults& faults) {
  const IpAddress& gateway = *route.via;
  if (of_another_version(route, gateway)) {
    faults.add(route.at, fmt::format("{} and its gateway {} are of different IP versions, use one of the same",
                                     route.destination.to_string(), gateway.to_string()));
  } else if (has_address(node, gateway)) {
    faults.add(route.at, fmt::format("gateway {} is an address of node {} itself, use another machine's",
                                     gateway.to_string(), node.name));
  } else if (!route.onlink && !reaches_directly(node, route, gateway)) {
    faults.add(route.at, fmt::format("gateway {} is in no subnet of node {}, use one that a link of it reaches, or say "
                                     "\"dev LINK onlink\"",
                                     gateway.to_string(), node.name));
  }
}

void check_route(const Node& node, const Route& route, Faults& faults) {
  if (route.destination.network() != route.destination) check_host_bits({route.destination, route.at}, faults);
  if (route.device && find_link(node, *route.device) == nullptr) {
    faults.add(route.at, fmt::format("node {} has no link \"{}\"{}", node.name, *route.device,
                                     suggestion(*route.device, names_of(node.links))));
  }
  if (route.onlink && (!route.device || !route.via)) {
    faults.add(route.at, "\"onlink\" says that a gateway is on a link, give both: via ADDRESS dev LINK onlink");
    return;
  }
  if (route.via) check_gateway(node, route, faults);
  if (route.source && of_another_version(route, *route.source)) {
    faults.add(route.at, fmt::format("{} and its src {} are of different IP versions, use one of the same",
                                     route.destination.to_string(), route.source->to_string()));
  } else if (route.source && !has_address(node, *route.source)) {
    faults.add(route.at, fmt::format("src {} is no address of node {}, use one of its own", route.source->to_string(),
                                     node.name));
  }
}

}  // namespace

void check_routes(const Node& node, Faults& faults) {
  std::map<std::tuple<Prefix, std::uint32_t, std::uint32_t>, unsigned> seen;
  for (const Route& route : node.routes) {
    check_route(node, route, faults);
    auto [other, first] = seen.try_emplace(
        {route.destination, route.metric.value_or(0), route.table.value_or(main_table)}, route.at.line);
    if (first) continue;
    faults.add(route.at, fmt::format("node {} has a route to {} already (line {}), remove one or give it a metric",
                                     node.name, route.destination.to_string(), other->second));
  }
}

}  // namespace topology
