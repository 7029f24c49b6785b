#include "labctl/plan/plan.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <set>

#include "labctl/plan/cluster.h"
#include "labctl/plan/needs.h"
#include "labctl/topology/daemons/kind.h"
#include "labctl/topology/links/mtu.h"
#include "lib/netlink/link.h"

namespace plan {
namespace {

class Builder {
 public:
  Builder(const topology::Topology& topology, Plan& plan) : topology_(topology), plan_(plan) {}

  void build() {
    for (const topology::Network& network : topology_.networks) {
      if (network.kind != topology::NetworkKind::bridge) continue;
      plan_.operations.push_back(CreateBridge{
          "", interface_name(network.name), MacAddress::derived_from("network/" + network.name), network.mtu, {}});
    }
    for (const topology::Node& node : topology_.nodes) {
      plan_.operations.push_back(CreateNode{node.name, uses_ipv6(node)});
    }
    for (const topology::Network& network : topology_.networks) {
      if (network.kind == topology::NetworkKind::point_to_point) create_wire(network);
    }
    for (const topology::Node& node : topology_.nodes) build_node(node);
  }

 private:
  void build_node(const topology::Node& node) {
    create_links(node);
    for (const topology::Link& link : node.links) configure_link(node, link);
    for (const topology::Route& route : node.routes) add_route(node, route);
    for (const topology::Rule& rule : node.rules) add_rule(node, rule.rule);
    for (const auto& [name, value] : node.sysctls) {
      plan_.operations.push_back(SetSysctl{node.name, name.value, value});
    }
    for (const topology::IpvsService& service : node.ipvs) {
      plan_.operations.push_back(AddIpvsService{node.name, service});
    }
    load_ruleset(node, "ipset", node.ipset);
    load_ruleset(node, "iptables", node.iptables);
    load_ruleset(node, "ip6tables", node.ip6tables);
    load_ruleset(node, "nftables", node.nftables);
  }

  // Links in the order of the file, but each after those that it is made of. (There are no circles: validation refuses
  // them.)
  void create_links(const topology::Node& node) {
    std::set<std::string> created;
    std::function<void(const topology::Link&)> create = [&](const topology::Link& link) {
      if (!created.insert(link.name).second) return;
      for (const auto& name : topology::parts_of(link)) {
        for (const topology::Link& part : node.links) {
          if (part.name == name.value) create(part);
        }
      }
      std::visit([&](const auto& kind) { create_link(node, link, kind); }, link.kind);
    };
    for (const topology::Link& link : node.links) create(link);
  }

  static bool uses_ipv6(const topology::Node& node) {
    for (const topology::Link& link : node.links) {
      for (const auto& address : link.addresses) {
        if (address.value.address.is_v6()) return true;
      }
    }
    for (const topology::Route& route : node.routes) {
      if (route.destination.address.is_v6()) return true;
    }
    for (const topology::Rule& rule : node.rules) {
      if (rule.rule.family == AF_INET6) return true;
    }
    for (const topology::IpvsService& service : node.ipvs) {
      if (service.address.is_v6()) return true;
    }
    if (!node.ip6tables.empty() || node.nftables.find("ip6") != std::string::npos) return true;
    for (const auto& [name, value] : node.sysctls) {
      if (name.value.rfind("net.ipv6.", 0) == 0) return true;
    }
    return false;
  }

  MacAddress mac_of(const topology::Node& node, const topology::Link& link) const {
    return link.mac ? link.mac->value : MacAddress::derived_from(node.name + "/" + link.name);
  }

  // Validation has seen to it that the network has two links.
  void create_wire(const topology::Network& network) {
    std::vector<std::pair<const topology::Node*, const topology::Link*>> ends;
    for (const topology::Node& node : topology_.nodes) {
      for (const topology::Link& link : node.links) {
        const auto* kind = std::get_if<topology::NetworkLink>(&link.kind);
        if (kind != nullptr && kind->network.value == network.name) ends.emplace_back(&node, &link);
      }
    }
    auto [node, link] = ends.at(0);
    auto [peer_node, peer] = ends.at(1);
    plan_.operations.push_back(CreateWire{network.name, node->name, interface_name(link->name), mac_of(*node, *link),
                                          link->mtu, peer_node->name, interface_name(peer->name),
                                          mac_of(*peer_node, *peer), peer->mtu});
  }

  void create_link(const topology::Node& node, const topology::Link& link, const topology::NetworkLink& kind) {
    if (topology_.find_network(kind.network.value)->kind == topology::NetworkKind::point_to_point) return;
    std::string switch_end = node.name + "." + link.name;
    plan_.operations.push_back(CreateCable{node.name, interface_name(link.name), mac_of(node, link), link.mtu,
                                           interface_name(kind.network.value), interface_name(switch_end),
                                           MacAddress::derived_from("switch/" + switch_end)});
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::DummyLink&) {
    plan_.operations.push_back(CreateDummy{node.name, interface_name(link.name), mac_of(node, link), link.mtu});
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::BridgeLink& kind) {
    CreateBridge bridge{node.name, interface_name(link.name), mac_of(node, link), link.mtu, {}};
    bridge.vlan_filtering = kind.vlan_filtering;
    bridge.vlans = port_vlans(kind.vlan, kind.tagged);
    for (const topology::BridgePort& port : kind.ports) {
      bridge.ports.push_back({interface_name(port.link.value), port_vlans(port.vlan, port.tagged)});
    }
    plan_.operations.push_back(std::move(bridge));
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::VxlanLink& kind) {
    CreateVxlan vxlan{
        node.name,    interface_name(link.name), mac_of(node, link), link.mtu, kind.vni.value, kind.port, {}, "",
        kind.learning};
    if (kind.local) vxlan.local = kind.local->value;
    if (kind.device) vxlan.device = interface_name(kind.device->value).name;
    plan_.operations.push_back(std::move(vxlan));
  }

  void create_link(const topology::Node& node, const topology::Link& link, const topology::MacvlanLink& kind) {
    plan_.operations.push_back(CreateMacvlan{node.name, interface_name(link.name), mac_of(node, link), link.mtu,
                                             interface_name(kind.device.value).name, kind.mode});
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::VlanLink& kind) {
    plan_.operations.push_back(CreateVlan{node.name, interface_name(link.name), mac_of(node, link), link.mtu,
                                          interface_name(kind.device.value).name, kind.id.value});
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::IpipLink& kind) {
    plan_.operations.push_back(tunnel("ipip", node, link, kind));
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::GreLink& kind) {
    CreateTunnel gre = tunnel("gre", node, link, kind);
    gre.key = kind.key;
    plan_.operations.push_back(std::move(gre));
  }
  void create_link(const topology::Node& node, const topology::Link& link, const topology::TunLink&) {
    CreateTun tun{node.name, interface_name(link.name), std::nullopt, link.mtu};
    if (topology::has_mac(link)) tun.mac = mac_of(node, link);
    plan_.operations.push_back(std::move(tun));
  }

  template <class Kind>
  static CreateTunnel tunnel(const char* name, const topology::Node& node, const topology::Link& link,
                             const Kind& kind) {
    CreateTunnel tunnel{node.name, interface_name(link.name), link.mtu, name, {}, {}, "", kind.ttl, {}};
    if (kind.local) tunnel.local = kind.local->value;
    if (kind.remote) tunnel.remote = kind.remote->value;
    if (kind.device) tunnel.device = interface_name(kind.device->value).name;
    return tunnel;
  }

  static PortVlans port_vlans(const std::optional<topology::Located<std::uint16_t>>& untagged,
                              const std::vector<topology::Located<std::uint16_t>>& tagged) {
    PortVlans vlans;
    if (untagged) vlans.untagged = untagged->value;
    for (const auto& id : tagged) vlans.tagged.push_back(id.value);
    return vlans;
  }

  void configure_link(const topology::Node& node, const topology::Link& link) {
    std::string name = interface_name(link.name).name;
    for (const auto& address : link.addresses) {
      plan_.operations.push_back(AddAddress{node.name, name, address.value});
    }
    plan_.operations.push_back(SetUp{node.name, name});
    if (!link.impairment) return;
    plan_.operations.push_back(SetImpairment{node.name, name, *link.impairment, topology::mtu_of(node, link)});
  }

  void add_route(const topology::Node& node, const topology::Route& route) {
    std::string device = route.device ? interface_name(*route.device).name : "";
    plan_.operations.push_back(AddRoute{node.name, route.destination, route.via, device, route.source, route.onlink,
                                        route.metric, route.type, route.table, route.mtu});
  }

  void add_rule(const topology::Node& node, netlink::Rule rule) {
    rule.input = interface_name(rule.input).name;
    rule.output = interface_name(rule.output).name;
    plan_.operations.push_back(AddRule{node.name, std::move(rule)});
  }

  void load_ruleset(const topology::Node& node, const char* kind, const std::string& text) {
    if (!text.empty()) plan_.operations.push_back(LoadRuleset{node.name, kind, text});
  }

  const topology::Topology& topology_;
  Plan& plan_;
};

void set_command(const topology::Serve& serve, Process& process) {
  process.arguments = {std::string(libexec_folder) + "/echo", "--" + serve.protocol, std::to_string(serve.port)};
  if (serve.protocol != "udp") process.ready.condition = topology::Ready::Tcp{serve.port};
}

void set_command(const topology::Run& run, Process& process) {
  process.arguments = run.arguments;
}

// A daemon has a folder of its own, where every node may write: nodes with the same daemon do not meet.
void set_command(const topology::Daemon& daemon, Process& process) {
  process.working_directory = "/run/" + process.name;
  topology::DaemonStart start = daemon.kind->start(daemon.configuration, process.working_directory);
  process.arguments = std::move(start.arguments);
  process.ready = std::move(start.ready);
  topology::File file;
  file.path = process.working_directory + "/" + start.file_name;
  file.text = std::move(start.text);
  process.files.push_back(std::move(file));
}

Process workload_process(const topology::Node& node, const topology::Workload& workload) {
  Process process;
  process.name = workload.name;
  process.node = node.name;
  process.environment = workload.environment;
  process.restart = workload.restart;
  process.files = workload.files;
  process.limits = workload.limits;
  if (workload.user) process.user = workload.user->value;
  for (const auto& before : workload.after) process.after.push_back(before.value + "@" + node.name);
  std::visit([&](const auto& what) { set_command(what, process); }, workload.what);
  if (workload.working_directory) process.working_directory = *workload.working_directory;
  if (workload.ready) process.ready = *workload.ready;
  return process;
}

void add_hosts(const topology::Topology& topology, Plan& plan) {
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Link& link : node.links) {
      if (!std::holds_alternative<topology::NetworkLink>(link.kind)) continue;
      for (const auto& address : link.addresses) plan.hosts.emplace_back(address.value.address, node.name);
    }
  }
}

// By which others on its networks know the node.
const IpAddress* first_address(const topology::Node& node) {
  for (const topology::Link& link : node.links) {
    bool is_cable = std::holds_alternative<topology::NetworkLink>(link.kind);
    if (is_cable && !link.addresses.empty()) return &link.addresses.front().value.address;
  }
  return nullptr;
}

void add_endpoints(const topology::Topology& topology, Plan& plan) {
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Workload& workload : node.workloads) {
      const auto* serve = std::get_if<topology::Serve>(&workload.what);
      const IpAddress* address = serve == nullptr ? nullptr : first_address(node);
      if (address == nullptr) continue;
      plan.endpoints.emplace_back(workload.name + "@" + node.name,
                                  serve->protocol + "://" + netlink::endpoint_text(*address, serve->port));
    }
    for (const topology::IpvsService& service : node.ipvs) {
      plan.endpoints.emplace_back("virtual service on " + node.name,
                                  service.protocol + "://" + netlink::endpoint_text(service.address, service.port));
    }
  }
}

}  // namespace

InterfaceName interface_name(const std::string& full) {
  if (full.size() <= netlink::max_interface_name) return {full, ""};
  // Beginning of the full name, for people, and a hash of all of it, for uniqueness: 35 bits, as thousands of cables
  // end in the switch, and with 24 one lab of 2000 nodes in ten would have two of the same name.
  static const char* digits = "abcdefghijklmnopqrstuvwxyz234567";
  std::string name = full.substr(0, 7) + "-";
  std::uint64_t hash = netlink::stable_hash(full);
  for (; name.size() < netlink::max_interface_name; hash >>= 5) name += digits[hash & 31];
  return {name, full};
}

const std::string& node_of(const Operation& operation) {
  return std::visit([](const auto& it) -> const std::string& { return it.node; }, operation);
}

std::vector<Operation> Plan::operations_of(const std::string& node) const {
  std::vector<Operation> its;
  std::copy_if(operations.begin(), operations.end(), std::back_inserter(its),
               [&](const Operation& operation) { return node_of(operation) == node; });
  return its;
}

std::vector<CreateWire> Plan::wires_of(const std::string& node) const {
  std::vector<CreateWire> wires;
  for (const Operation& operation : operations) {
    const auto* wire = std::get_if<CreateWire>(&operation);
    if (wire != nullptr && (wire->node == node || wire->peer_node == node)) wires.push_back(*wire);
  }
  return wires;
}

std::vector<std::string> ruleset_command(const std::string& kind) {
  if (kind == "ipset") return {"ipset", "restore"};
  if (kind == "nftables") return {"nft", "-f", "-"};
  return {kind + "-restore"};
}

Plan make_plan(const topology::Topology& topology, const std::string& lab_name) {
  Plan plan;
  plan.lab = lab_name.empty() ? topology.name.value : lab_name;
  Builder(topology, plan).build();
  if (topology.cluster) add_cluster(topology, plan);
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Workload& workload : node.workloads)
      plan.processes.push_back(workload_process(node, workload));
  }
  add_hosts(topology, plan);
  add_endpoints(topology, plan);
  plan.needs = needs_of(topology, plan);
  plan.programs = programs_of(topology);
  return plan;
}

}  // namespace plan
