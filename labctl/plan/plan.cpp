#include "labctl/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "labctl/plan/cluster.h"
#include "labctl/plan/needs.h"
#include "labctl/topology/daemons/kind.h"
#include "lib/netlink/link.h"

namespace plan {
namespace {

class Builder {
 public:
  Builder(const topology::Topology& topology, Plan& plan) : topology_(topology), plan_(plan) {}

  void build() {
    for (const topology::Network& network : topology_.networks) {
      plan_.operations.push_back(CreateBridge{
          "", interface_name(network.name), MacAddress::derived_from("network/" + network.name), network.mtu, {}});
    }
    for (const topology::Node& node : topology_.nodes) build_node(node);
  }

 private:
  void build_node(const topology::Node& node) {
    CreateNode create{node.name, uses_ipv6(node)};
    plan_.operations.push_back(create);
    create_links(node);
    for (const topology::Link& link : node.links) configure_link(node, link);
    for (const topology::Route& route : node.routes) add_route(node, route);
    for (const auto& [name, value] : node.sysctls) {
      plan_.operations.push_back(SetSysctl{node.name, name.value, value});
    }
    for (const topology::IpvsService& service : node.ipvs) {
      plan_.operations.push_back(AddIpvsService{node.name, service});
    }
  }

  // Links in the order of the file, but each after those that it is made of. (There are no circles: validation refuses
  // them.)
  void create_links(const topology::Node& node) {
    std::set<std::string> created;
    std::function<void(const topology::Link&)> create = [&](const topology::Link& link) {
      if (!created.insert(link.name).second) return;
      for (const std::string& name : parts_of(link)) {
        for (const topology::Link& part : node.links) {
          if (part.name == name) create(part);
        }
      }
      std::visit([&](const auto& kind) { create_link(node, link, kind); }, link.kind);
    };
    for (const topology::Link& link : node.links) create(link);
  }

  static std::vector<std::string> parts_of(const topology::Link& link) {
    std::vector<std::string> parts;
    if (const auto* bridge = std::get_if<topology::BridgeLink>(&link.kind)) {
      for (const auto& port : bridge->ports) parts.push_back(port.value);
    }
    const auto* vxlan = std::get_if<topology::VxlanLink>(&link.kind);
    if (vxlan != nullptr && vxlan->device) parts.push_back(vxlan->device->value);
    return parts;
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
    for (const topology::IpvsService& service : node.ipvs) {
      if (service.address.is_v6()) return true;
    }
    for (const auto& [name, value] : node.sysctls) {
      if (name.value.rfind("net.ipv6.", 0) == 0) return true;
    }
    return false;
  }

  MacAddress mac_of(const topology::Node& node, const topology::Link& link) const {
    return link.mac ? link.mac->value : MacAddress::derived_from(node.name + "/" + link.name);
  }

  void create_link(const topology::Node& node, const topology::Link& link, const topology::NetworkLink& kind) {
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
    for (const auto& port : kind.ports) bridge.ports.push_back(interface_name(port.value));
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

  void configure_link(const topology::Node& node, const topology::Link& link) {
    std::string name = interface_name(link.name).name;
    for (const auto& address : link.addresses) {
      plan_.operations.push_back(AddAddress{node.name, name, address.value});
    }
    plan_.operations.push_back(SetUp{node.name, name});
  }

  void add_route(const topology::Node& node, const topology::Route& route) {
    std::string device = route.device ? interface_name(*route.device).name : "";
    plan_.operations.push_back(
        AddRoute{node.name, route.destination, route.via, device, route.source, route.onlink, route.metric});
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
