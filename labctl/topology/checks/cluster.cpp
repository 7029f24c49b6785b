#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

// The least that holds the API server's own Service (.1) and DNS (.10).
constexpr unsigned longest_service_range = 28;

// A reference that is missing or was refused has no name.
bool named(const Located<std::string>& reference) {
  return !reference.value.empty();
}

bool is_worker(const Cluster& cluster, const std::string& node) {
  return std::any_of(cluster.workers.begin(), cluster.workers.end(),
                     [&](const Located<std::string>& worker) { return worker.value == node; });
}

bool has_ipv4_on(const Node& node, const std::string& network) {
  for (const Link& link : node.links) {
    const auto* kind = std::get_if<NetworkLink>(&link.kind);
    if (kind == nullptr || kind->network.value != network) continue;
    for (const Located<Prefix>& address : link.addresses) {
      if (!address.value.address.is_v6()) return true;
    }
  }
  return false;
}

void check_member(const Topology& topology, const Located<std::string>& name, Faults& faults) {
  if (!named(name)) return;
  const Node* node = topology.find_node(name.value);
  const std::string& network = topology.cluster->network.value;
  if (node == nullptr) {
    faults.add(name.at, fmt::format("no node \"{}\"{}", name.value, suggestion(name.value, names_of(topology.nodes))));
  } else if (topology.find_network(network) != nullptr && !has_ipv4_on(*node, network)) {
    faults.add(name.at, fmt::format("node {0} has no IPv4 address on the cluster's network {1}, give it one: links: "
                                    "{{{1}: …}}",
                                    name.value, network));
  }
}

void check_members(const Topology& topology, Faults& faults) {
  const Cluster& cluster = *topology.cluster;
  check_member(topology, cluster.control_plane, faults);
  std::set<std::string> seen;
  for (const Located<std::string>& worker : cluster.workers) {
    if (seen.insert(worker.value).second) {
      check_member(topology, worker, faults);
    } else {
      faults.add(worker.at, fmt::format("worker {} is listed twice, remove one", worker.value));
    }
  }
}

// ---- ranges

void check_range_by_itself(const Topology& topology, const Located<Prefix>& range, const char* key, Faults& faults) {
  if (range.value.address.is_v6()) {
    faults.add(range.at, fmt::format("{} {} is IPv6, write an IPv4 subnet", key, range.value.to_string()));
    return;
  }
  check_host_bits(range, faults);
  for (const Network& network : topology.networks) {
    for (const Located<Prefix>& subnet : subnets_of(network)) {
      if (!subnet.value.overlaps(range.value)) continue;
      faults.add(range.at, fmt::format("{} {} overlaps network {} ({}), choose another", key, range.value.to_string(),
                                       network.name, subnet.value.to_string()));
      return;
    }
  }
}

void check_sizes(const Cluster& cluster, Faults& faults) {
  std::set<std::string> members{cluster.control_plane.value};
  for (const Located<std::string>& worker : cluster.workers) members.insert(worker.value);
  unsigned length = cluster.pod_cidr.value.length;
  std::uint64_t room = length > node_range_length ? 0 : 1ull << (node_range_length - length);
  if (room < members.size()) {
    faults.add(cluster.pod_cidr.at, fmt::format("podCIDR {} is too small: each of the {} nodes takes a /{} of it",
                                                cluster.pod_cidr.value.to_string(), members.size(), node_range_length));
  }
  if (cluster.service_cidr.value.length > longest_service_range) {
    faults.add(cluster.service_cidr.at, fmt::format("serviceCIDR {} is too small, give it a /{} or more",
                                                    cluster.service_cidr.value.to_string(), longest_service_range));
  }
}

void check_ranges(const Topology& topology, Faults& faults) {
  const Cluster& cluster = *topology.cluster;
  check_range_by_itself(topology, cluster.pod_cidr, "podCIDR", faults);
  check_range_by_itself(topology, cluster.service_cidr, "serviceCIDR", faults);
  if (cluster.pod_cidr.value.overlaps(cluster.service_cidr.value)) {
    faults.add(cluster.service_cidr.at,
               fmt::format("serviceCIDR {} overlaps podCIDR {}, choose another", cluster.service_cidr.value.to_string(),
                           cluster.pod_cidr.value.to_string()));
  }
  bool v6 = cluster.pod_cidr.value.address.is_v6() || cluster.service_cidr.value.address.is_v6();
  if (!v6) check_sizes(cluster, faults);
}

}  // namespace

std::vector<std::string> agents_on(const Cluster& cluster, const std::string& node) {
  std::vector<std::string> agents;
  bool control_plane = cluster.control_plane.value == node;
  if (!control_plane && !is_worker(cluster, node)) return agents;
  if (control_plane) agents = {"apiserver", "controller", "kube-apply"};
  if (cluster.overlay.enabled) agents.push_back("overlay");
  if (cluster.proxy.enabled) agents.push_back("proxy");
  agents.push_back("nodelet");
  return agents;
}

void check_cluster(const Topology& topology, Faults& faults) {
  const Located<std::string>& network = topology.cluster->network;
  if (named(network) && topology.find_network(network.value) == nullptr) {
    faults.add(network.at, fmt::format("no network \"{}\"{}", network.value,
                                       suggestion(network.value, names_of(topology.networks))));
  }
  check_members(topology, faults);
  check_ranges(topology, faults);
}

}  // namespace topology
