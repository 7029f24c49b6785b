#include "labctl/topology/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace topology {
namespace {

template <class Container>
std::vector<std::string> names_of(const Container& container) {
  std::vector<std::string> names;
  for (const auto& it : container) names.push_back(it.name);
  return names;
}

const Link* find_link(const Node& node, const std::string& name) {
  for (const Link& link : node.links) {
    if (link.name == name) return &link;
  }
  return nullptr;
}

const Workload* find_workload(const Node& node, const std::string& name) {
  for (const Workload& workload : node.workloads) {
    if (workload.name == name) return &workload;
  }
  return nullptr;
}

// ---- networks

std::vector<Located<Prefix>> subnets_of(const Network& network) {
  std::vector<Located<Prefix>> subnets;
  if (network.subnet) subnets.push_back(*network.subnet);
  if (network.subnet6) subnets.push_back(*network.subnet6);
  return subnets;
}

void check_host_bits(const Located<Prefix>& subnet, Faults& faults) {
  if (subnet.value.network() == subnet.value) return;
  faults.add(subnet.at, fmt::format("{} has host bits set, the subnet is {}", subnet.value.to_string(),
                                    subnet.value.network().to_string()));
}

void check_networks(const Topology& topology, Faults& faults) {
  std::vector<std::pair<Located<Prefix>, std::string>> seen;
  for (const Network& network : topology.networks) {
    if (network.subnet && network.subnet->value.address.is_v6()) {
      faults.add(network.subnet->at, "an IPv6 subnet, write it as subnet6");
    }
    if (network.subnet6 && !network.subnet6->value.address.is_v6()) {
      faults.add(network.subnet6->at, "an IPv4 subnet, write it as subnet");
    }
    for (const Located<Prefix>& subnet : subnets_of(network)) {
      check_host_bits(subnet, faults);
      for (const auto& [other, name] : seen) {
        if (!other.value.overlaps(subnet.value)) continue;
        faults.add(subnet.at, fmt::format("subnet {} overlaps {} of network {} (line {}), choose another",
                                          subnet.value.to_string(), other.value.to_string(), name, other.at.line));
      }
      seen.emplace_back(subnet, network.name);
    }
  }
}

// ---- links

// The subnet of NETWORK that has the family of ADDRESS.
const Located<Prefix>* subnet_for(const Network& network, const IpAddress& address) {
  const std::optional<Located<Prefix>>& subnet = address.is_v6() ? network.subnet6 : network.subnet;
  return subnet ? &*subnet : nullptr;
}

bool is_network_or_broadcast(const Prefix& subnet, const IpAddress& address) {
  if (address.is_v6() || subnet.length > 30) return false;
  IpAddress broadcast = subnet.network().address.plus((1ull << (32 - subnet.length)) - 1);
  return address == subnet.network().address || address == broadcast;
}

void check_address_in_network(const Network& network, Located<Prefix>& address, bool has_length, Faults& faults) {
  const Located<Prefix>* subnet = subnet_for(network, address.value.address);
  std::string shown = address.value.address.to_string();
  if (subnet == nullptr) {
    if (has_length) return;
    faults.add(
        address.at,
        fmt::format("network {0} has no {1} subnet, give the address a length ({2}/{3}) or the network a {4}",
                    network.name, address.value.address.is_v6() ? "IPv6" : "IPv4", shown,
                    address.value.address.is_v6() ? 64 : 24, address.value.address.is_v6() ? "subnet6" : "subnet"));
    return;
  }
  if (!has_length) address.value.length = subnet->value.length;
  if (!subnet->value.contains(address.value.address)) {
    faults.add(address.at, fmt::format("address {} is outside network {} ({}), choose one inside", shown, network.name,
                                       subnet->value.to_string()));
  } else if (is_network_or_broadcast(subnet->value, address.value.address)) {
    faults.add(address.at, fmt::format("{} is the network or broadcast address of {}, choose another", shown,
                                       subnet->value.to_string()));
  }
}

void check_network_link(const Topology& topology, Link& link, NetworkLink& kind, Faults& faults) {
  if (kind.network.value.empty()) kind.network = {link.name, link.at};
  const Network* network = topology.find_network(kind.network.value);
  if (network == nullptr) {
    faults.add(kind.network.at, fmt::format("no network \"{}\"{}", kind.network.value,
                                            suggestion(kind.network.value, names_of(topology.networks))));
    return;
  }
  if (!link.mtu) link.mtu = network->mtu;
  for (size_t i = 0; i < link.addresses.size(); ++i) {
    check_address_in_network(*network, link.addresses[i], link.address_has_length[i], faults);
  }
}

void check_link_reference(const Node& node, const Link& link, const Located<std::string>& name, Faults& faults) {
  if (name.value == link.name) {
    faults.add(name.at, fmt::format("link {} refers to itself, name another link of node {}", link.name, node.name));
  } else if (find_link(node, name.value) == nullptr) {
    faults.add(name.at, fmt::format("node {} has no link \"{}\"{}", node.name, name.value,
                                    suggestion(name.value, names_of(node.links))));
  }
}

// A VIP may stand on several nodes (on dummy devices); one network may not have an address twice.
void check_duplicate_addresses(const Topology& topology, Faults& faults) {
  std::map<std::pair<std::string, IpAddress>, std::pair<std::string, unsigned>> seen;
  std::map<std::pair<std::string, IpAddress>, unsigned> in_node;
  for (const Node& node : topology.nodes) {
    for (const Link& link : node.links) {
      const auto* kind = std::get_if<NetworkLink>(&link.kind);
      for (const Located<Prefix>& address : link.addresses) {
        auto [own, first_here] = in_node.try_emplace({node.name, address.value.address}, address.at.line);
        if (!first_here) {
          faults.add(address.at, fmt::format("node {} has {} already (line {}), choose another", node.name,
                                             address.value.address.to_string(), own->second));
          continue;
        }
        if (kind == nullptr) continue;
        auto [other, first] =
            seen.try_emplace({kind->network.value, address.value.address}, std::pair(node.name, address.at.line));
        if (!first) {
          faults.add(address.at,
                     fmt::format("{} is taken by node {} (line {}), choose another", address.value.address.to_string(),
                                 other->second.first, other->second.second));
        }
      }
    }
  }
}

void check_links(Topology& topology, Node& node, Faults& faults) {
  for (Link& link : node.links) {
    if (auto* kind = std::get_if<NetworkLink>(&link.kind)) check_network_link(topology, link, *kind, faults);
    if (auto* kind = std::get_if<VxlanLink>(&link.kind); kind != nullptr && kind->device) {
      check_link_reference(node, link, *kind->device, faults);
    }
    if (auto* kind = std::get_if<BridgeLink>(&link.kind)) {
      for (const Located<std::string>& port : kind->ports) check_link_reference(node, link, port, faults);
    }
  }
}

// ---- routes

bool reachable_directly(const Node& node, const IpAddress& gateway) {
  for (const Link& link : node.links) {
    for (const Located<Prefix>& address : link.addresses) {
      if (address.value.contains(gateway) && address.value.address != gateway) return true;
    }
  }
  return false;
}

void check_route(const Node& node, const Route& route, Faults& faults) {
  if (route.device && find_link(node, *route.device) == nullptr) {
    faults.add(route.at, fmt::format("node {} has no link \"{}\"{}", node.name, *route.device,
                                     suggestion(*route.device, names_of(node.links))));
  }
  if (!route.via) return;
  if (!route.destination.is_default() && route.via->family() != route.destination.address.family()) {
    faults.add(route.at, fmt::format("{} and its gateway {} are of different IP versions",
                                     route.destination.to_string(), route.via->to_string()));
    return;
  }
  if (!route.onlink && !reachable_directly(node, *route.via)) {
    faults.add(route.at, fmt::format("gateway {} is in no subnet of node {}, use one that a link of it reaches, or say "
                                     "\"dev LINK onlink\"",
                                     route.via->to_string(), node.name));
  }
}

// ---- IPVS

void check_ipvs(const Node& node, Faults& faults) {
  std::set<std::tuple<std::string, IpAddress, std::uint16_t>> seen;
  for (const IpvsService& service : node.ipvs) {
    if (!seen.insert({service.protocol, service.address, service.port}).second) {
      faults.add(service.at, fmt::format("virtual service {}://{}:{} is declared twice, remove one", service.protocol,
                                         service.address.to_string(), service.port));
    }
    for (const IpvsServer& server : service.servers) {
      if (server.address.family() != service.address.family() && service.forward != Forwarding::tun) {
        faults.add(server.at,
                   fmt::format("server {} and service {} are of different IP versions, only forward: tun can",
                               server.address.to_string(), service.address.to_string()));
      }
      // Only NAT rewrites ports: DR and TUN deliver the packet as the client sent it.
      if (service.forward != Forwarding::nat && server.port != service.port) {
        faults.add(server.at, fmt::format("port {} differs from the service's {}: only forward: nat rewrites ports",
                                          server.port, service.port));
      }
    }
  }
}

// ---- workloads

void check_cycles(const Node& node, Faults& faults) {
  std::map<std::string, int> state;  // 1: on the path, 2: done
  std::function<bool(const Workload&)> visit = [&](const Workload& workload) {
    state[workload.name] = 1;
    for (const Located<std::string>& before : workload.after) {
      const Workload* next = find_workload(node, before.value);
      if (next == nullptr || state[before.value] == 2) continue;
      if (state[before.value] == 1) {
        faults.add(before.at,
                   fmt::format("workloads of node {} wait for each other in a cycle ({} after {}), remove one "
                               "\"after\"",
                               node.name, workload.name, before.value));
        return false;
      }
      if (!visit(*next)) return false;
    }
    state[workload.name] = 2;
    return true;
  };
  for (const Workload& workload : node.workloads) {
    if (state[workload.name] == 0 && !visit(workload)) return;
  }
}

void check_workloads(const Node& node, Faults& faults) {
  std::map<std::pair<std::string, std::uint16_t>, std::string> ports;
  for (const Workload& workload : node.workloads) {
    for (const Located<std::string>& before : workload.after) {
      if (find_workload(node, before.value) != nullptr) continue;
      faults.add(before.at, fmt::format("node {} has no workload \"{}\"{}", node.name, before.value,
                                        suggestion(before.value, names_of(node.workloads))));
    }
    if (const auto* serve = std::get_if<Serve>(&workload.what)) {
      auto [other, first] = ports.try_emplace({serve->protocol == "udp" ? "udp" : "tcp", serve->port}, workload.name);
      if (!first) {
        faults.add(workload.at,
                   fmt::format("port {} is served by workload {} already, choose another", serve->port, other->second));
      }
    }
  }
  check_cycles(node, faults);
}

// ---- the cluster

bool attached_with_address(const Node& node, const std::string& network) {
  return std::any_of(node.links.begin(), node.links.end(), [&](const Link& link) {
    const auto* kind = std::get_if<NetworkLink>(&link.kind);
    return kind != nullptr && kind->network.value == network && !link.addresses.empty();
  });
}

void check_member(const Topology& topology, const Located<std::string>& name, Faults& faults) {
  const Node* node = topology.find_node(name.value);
  if (node == nullptr) {
    faults.add(name.at, fmt::format("no node \"{}\"{}", name.value, suggestion(name.value, names_of(topology.nodes))));
  } else if (topology.find_network(topology.cluster->network.value) != nullptr &&
             !attached_with_address(*node, topology.cluster->network.value)) {
    faults.add(name.at,
               fmt::format("node {0} has no address on the cluster's network {1}, give it one: links: {{{1}: …}}",
                           name.value, topology.cluster->network.value));
  }
}

void check_cluster_ranges(const Topology& topology, Faults& faults) {
  const Cluster& cluster = *topology.cluster;
  for (const Located<Prefix>* range : {&cluster.pod_cidr, &cluster.service_cidr}) {
    check_host_bits(*range, faults);
    for (const Network& network : topology.networks) {
      for (const Located<Prefix>& subnet : subnets_of(network)) {
        if (!subnet.value.overlaps(range->value)) continue;
        faults.add(range->at, fmt::format("{} overlaps network {} ({}), choose another", range->value.to_string(),
                                          network.name, subnet.value.to_string()));
      }
    }
  }
  if (cluster.pod_cidr.value.overlaps(cluster.service_cidr.value)) {
    faults.add(cluster.service_cidr.at,
               fmt::format("serviceCIDR {} overlaps podCIDR {}, choose another", cluster.service_cidr.value.to_string(),
                           cluster.pod_cidr.value.to_string()));
  }
  if (!cluster.pod_cidr.value.address.is_v6() && cluster.pod_cidr.value.length > 23) {
    faults.add(cluster.pod_cidr.at, fmt::format("podCIDR {} is too small: every node takes a /24 of it",
                                                cluster.pod_cidr.value.to_string()));
  }
}

void check_cluster(const Topology& topology, Faults& faults) {
  const Cluster& cluster = *topology.cluster;
  if (topology.find_network(cluster.network.value) == nullptr) {
    faults.add(cluster.network.at, fmt::format("no network \"{}\"{}", cluster.network.value,
                                               suggestion(cluster.network.value, names_of(topology.networks))));
  }
  check_member(topology, cluster.control_plane, faults);
  std::set<std::string> seen;
  for (const Located<std::string>& worker : cluster.workers) {
    if (!seen.insert(worker.value).second) {
      faults.add(worker.at, fmt::format("worker {} is listed twice, remove one", worker.value));
      continue;
    }
    check_member(topology, worker, faults);
  }
  if (cluster.workers.empty()) faults.add(cluster.at, "a cluster without workers runs no pod, list at least one");
  check_cluster_ranges(topology, faults);
}

// ---- the scenario

// Pods are named by reference or as NAMESPACE/NAME; only the running cluster knows them.
bool may_be_pod(const Topology& topology, const std::string& name) {
  return topology.cluster && (name.find("${") != std::string::npos || name.find('/') != std::string::npos);
}

void check_place(const Topology& topology, const Located<std::string>& place, Faults& faults) {
  if (may_be_pod(topology, place.value) || topology.find_node(place.value) != nullptr) return;
  faults.add(place.at, fmt::format("no node \"{}\"{}", place.value, suggestion(place.value, names_of(topology.nodes))));
}

std::vector<std::string> process_names(const Topology& topology) {
  std::vector<std::string> names;
  for (const Node& node : topology.nodes) {
    for (const Workload& workload : node.workloads) names.push_back(workload.name + "@" + node.name);
  }
  if (!topology.cluster) return names;
  for (const char* agent : {"apiserver", "controller"}) {
    names.push_back(std::string(agent) + "@" + topology.cluster->control_plane.value);
  }
  for (const Located<std::string>& worker : topology.cluster->workers) {
    for (const char* agent : {"proxy", "overlay", "nodelet"}) names.push_back(std::string(agent) + "@" + worker.value);
  }
  for (const char* agent : {"proxy", "overlay"}) {
    names.push_back(std::string(agent) + "@" + topology.cluster->control_plane.value);
  }
  return names;
}

void check_process(const Topology& topology, const Located<std::string>& process, Faults& faults) {
  std::vector<std::string> names = process_names(topology);
  if (std::find(names.begin(), names.end(), process.value) != names.end()) return;
  faults.add(process.at, names.empty()
                             ? fmt::format("no process \"{}\", the topology runs none", process.value)
                             : fmt::format("no process \"{}\"{}", process.value, suggestion(process.value, names)));
}

void check_step(const Topology& topology, const Step& step, Faults& faults) {
  if (const auto* expect = std::get_if<Expect>(&step.action)) {
    std::visit(
        [&](const auto& what) {
          if constexpr (requires { what.from; }) {
            check_place(topology, what.from, faults);
          } else {
            check_place(topology, what.on, faults);
          }
        },
        expect->what);
  } else if (const auto* command = std::get_if<Do>(&step.action)) {
    check_place(topology, command->on, faults);
  } else if (std::holds_alternative<Kubectl>(step.action) && !topology.cluster) {
    faults.add(step.at, "kubectl needs a cluster, add one or remove the step");
  } else if (const auto* restart = std::get_if<RestartProcess>(&step.action)) {
    check_process(topology, restart->process, faults);
  } else if (const auto* kill = std::get_if<Kill>(&step.action)) {
    if (kill->what == Kill::What::process) check_process(topology, kill->name, faults);
    if (kill->what == Kill::What::node) check_place(topology, kill->name, faults);
    if (kill->what == Kill::What::pod && !topology.cluster) {
      faults.add(kill->name.at, "pods need a cluster, add one or remove the step");
    }
  }
}

void check_mounts(Topology& topology, Faults& faults) {
  for (Mount& mount : topology.mounts) {
    if (mount.target.empty()) mount.target = mount.source;
    for (const std::string* path : {&mount.source, &mount.target}) {
      bool good = !path->empty() && path->front() == '/' && (*path + "/").find("/../") == std::string::npos;
      if (!good) faults.add(mount.at, fmt::format("mount \"{}\" must be an absolute path without \"..\"", *path));
    }
  }
}

}  // namespace

void validate(Topology& topology, Faults& faults) {
  check_networks(topology, faults);
  for (Node& node : topology.nodes) {
    check_links(topology, node, faults);
    for (const Route& route : node.routes) check_route(node, route, faults);
    check_ipvs(node, faults);
    check_workloads(node, faults);
  }
  check_duplicate_addresses(topology, faults);
  if (topology.cluster) check_cluster(topology, faults);
  if (!topology.cluster && !topology.manifests.empty()) {
    faults.add(topology.manifests.front().at,
               "manifests need a cluster, add one: cluster: {controlPlane: …, workers: […], network: …}");
  }
  check_mounts(topology, faults);
  for (const Step& step : topology.scenario) check_step(topology, step, faults);
}

}  // namespace topology
