#include "labctl/graph/graph.h"

#include <algorithm>
#include <map>
#include <utility>

#include "labctl/topology/links/kinds.h"

namespace graph {
namespace {

constexpr unsigned default_vxlan_port = 8472;  // drivers/net/vxlan/vxlan_core.c: vxlan_port

std::string kind_of(const topology::Link& link) {
  for (const topology::LinkKindEntry& entry : topology::link_kinds()) {
    if (entry.make().index() == link.kind.index()) return entry.name;
  }
  return {};
}

Link link_of(const topology::Link& from) {
  Link link{from.name, kind_of(from), {}, {}, false};
  if (const auto* kind = std::get_if<topology::NetworkLink>(&from.kind)) link.network = kind->network.value;
  for (const auto& address : from.addresses) link.addresses.push_back(address.value.to_string());
  return link;
}

const char* forwarding_word(topology::Forwarding forward) {
  switch (forward) {
    case topology::Forwarding::nat:
      return "NAT";
    case topology::Forwarding::dr:
      return "direct routing";
    case topology::Forwarding::tun:
      return "tunnel";
  }
  return "";
}

// A line for the service, and one for each of its servers.
std::vector<std::string> service_texts(const topology::IpvsService& service) {
  std::vector<std::string> texts{service.protocol + "://" + netlink::endpoint_text(service.address, service.port) +
                                 " (" + service.scheduler + ", " + forwarding_word(service.forward) + ")"};
  for (const topology::IpvsServer& server : service.servers) {
    texts.push_back("→ " + netlink::endpoint_text(server.address, server.port));
  }
  return texts;
}

std::string workload_text(const topology::Workload& workload) {
  const auto* serve = std::get_if<topology::Serve>(&workload.what);
  if (serve == nullptr) return workload.name;
  return workload.name + ": " + serve->protocol + " on port " + std::to_string(serve->port);
}

std::string role_of(const topology::Topology& topology, const std::string& node) {
  if (!topology.cluster) return {};
  const auto& workers = topology.cluster->workers;
  bool worker = std::any_of(workers.begin(), workers.end(), [&](const auto& it) { return it.value == node; });
  if (topology.cluster->control_plane.value == node) return worker ? "control plane, worker" : "control plane";
  return worker ? "worker" : "";
}

Node node_of(const topology::Topology& topology, const topology::Node& from) {
  Node node;
  node.name = from.name;
  node.role = role_of(topology, from.name);
  for (const topology::Link& link : from.links) node.links.push_back(link_of(link));
  for (const topology::IpvsService& service : from.ipvs) {
    for (std::string& text : service_texts(service)) node.services.push_back(std::move(text));
  }
  for (const topology::Workload& workload : from.workloads) node.services.push_back(workload_text(workload));
  return node;
}

// VXLAN end points of one identifier and port are one segment.
std::vector<Tunnel> vxlans_of(const topology::Topology& topology) {
  std::map<std::pair<std::uint32_t, unsigned>, Tunnel> segments;
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Link& link : node.links) {
      const auto* kind = std::get_if<topology::VxlanLink>(&link.kind);
      if (kind == nullptr) continue;
      unsigned port = kind->port == 0 ? default_vxlan_port : kind->port;
      Tunnel& segment = segments[{kind->vni.value, port}];
      segment.name = "VXLAN " + std::to_string(kind->vni.value) + ", UDP port " + std::to_string(port);
      segment.ends.push_back({node.name, link.name});
    }
  }
  std::vector<Tunnel> tunnels;
  for (auto& [key, segment] : segments) {
    if (segment.ends.size() > 1) tunnels.push_back(std::move(segment));
  }
  return tunnels;
}

const topology::Node* node_with(const topology::Topology& topology, const netlink::IpAddress& address) {
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Link& link : node.links) {
      for (const auto& its : link.addresses) {
        if (its.value.address == address) return &node;
      }
    }
  }
  return nullptr;
}

// From a link with a remote address to the node that has it, and there to the link that leads back.
void add_tunnel(const topology::Topology& topology, const topology::Node& node, const topology::Link& link,
                std::vector<Tunnel>& tunnels) {
  auto remote_of = [](const topology::Link& it) {
    return std::visit(
        [](const auto& kind) -> std::optional<netlink::IpAddress> {
          if constexpr (requires { kind.remote; }) {
            if (kind.remote) return kind.remote->value;
          }
          return std::nullopt;
        },
        it.kind);
  };
  std::optional<netlink::IpAddress> remote = remote_of(link);
  const topology::Node* other = remote ? node_with(topology, *remote) : nullptr;
  if (other == nullptr) return;
  Tunnel tunnel{kind_of(link) + " " + node.name + " - " + other->name, {{node.name, link.name}, {other->name, ""}}};
  for (const topology::Link& back : other->links) {
    std::optional<netlink::IpAddress> its = remote_of(back);
    const topology::Node* leads_to = its && kind_of(back) == kind_of(link) ? node_with(topology, *its) : nullptr;
    if (leads_to != &node) continue;
    tunnel.ends.back().link = back.name;
    // The two ends are one tunnel, which the first of them has added.
    if (other->name < node.name) return;
  }
  tunnels.push_back(std::move(tunnel));
}

// That of the pods, made by the cluster's own agent.
void add_overlay(const topology::Topology& topology, std::vector<Tunnel>& tunnels) {
  if (!topology.cluster || !topology.cluster->overlay.enabled) return;
  const topology::Cluster& cluster = *topology.cluster;
  Tunnel overlay{"pods " + cluster.pod_cidr.value.to_string() + ", overlay " + cluster.overlay.backend, {}};
  for (const topology::Node& node : topology.nodes) {
    if (!role_of(topology, node.name).empty()) overlay.ends.push_back({node.name, ""});
  }
  if (overlay.ends.size() > 1) tunnels.push_back(std::move(overlay));
}

}  // namespace

Graph of_topology(const topology::Topology& topology) {
  Graph graph;
  graph.name = topology.name.value;
  graph.description = topology.description;
  for (const topology::Network& from : topology.networks) {
    Network network{from.name, {}};
    if (from.subnet) network.subnets.push_back(from.subnet->value.to_string());
    if (from.subnet6) network.subnets.push_back(from.subnet6->value.to_string());
    graph.networks.push_back(std::move(network));
  }
  for (const topology::Node& node : topology.nodes) graph.nodes.push_back(node_of(topology, node));
  graph.tunnels = vxlans_of(topology);
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Link& link : node.links) add_tunnel(topology, node, link, graph.tunnels);
  }
  add_overlay(topology, graph.tunnels);
  return graph;
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string caption(const Graph& graph) {
  std::string text = graph.name;
  if (!graph.description.empty()) text += ": " + graph.description;
  if (!graph.faults.empty()) text += " Faults: " + joined(graph.faults, ", ");
  return text;
}

std::string link_text(const Link& link) {
  std::string text = link.name;
  if (link.network.empty() && link.kind != link.name) text += " (" + link.kind + ")";
  if (!link.network.empty() && link.network != link.name) text += " on " + link.network;
  for (const std::string& address : link.addresses) text += " " + address;
  return link.down ? text + " (down)" : text;
}

std::string pod_text(const Pod& pod) {
  std::string text = "pod " + pod.name + (pod.address.empty() ? "" : " " + pod.address);
  return pod.killed ? text + " (killed)" : text;
}

}  // namespace graph
