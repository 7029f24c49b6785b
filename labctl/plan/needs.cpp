#include "labctl/plan/needs.h"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/command_needs.h"
#include "labctl/plan/identity.h"
#include "labctl/topology/daemons/kind.h"

namespace plan {
namespace {

class Collector {
 public:
  void add(const std::string& need, const std::string& asked_by) {
    auto found = std::find_if(needs_.begin(), needs_.end(), [&](const Need& it) { return it.need == need; });
    if (found == needs_.end()) found = needs_.insert(needs_.end(), Need{need, {}});
    if (std::find(found->asked_by.begin(), found->asked_by.end(), asked_by) == found->asked_by.end()) {
      found->asked_by.push_back(asked_by);
    }
  }
  std::vector<Need> take() { return std::move(needs_); }

 private:
  std::vector<Need> needs_;
};

std::string link_of(const std::string& node, const InterfaceName& name) {
  return fmt::format("node {}: link {}", node, full_name(name));
}

bool begins_with(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& beginning) { return text.rfind(beginning, 0) == 0; });
}

// Settings that exist once in a kernel, not once in a namespace: in a namespace they are read-only or absent. The
// namespace's own are those that net/*/sysctl_net_*.c registers per namespace.
bool is_kernel_sysctl(const std::string& name) {
  static const std::vector<std::string> own{"net.ipv4.",  "net.ipv6.", "net.bridge.", "net.netfilter.",    "net.unix.",
                                            "net.mptcp.", "net.sctp.", "net.mpls.",   "net.core.somaxconn"};
  static const std::vector<std::string> shared{"net.ipv4.tcp_mem",
                                               "net.ipv4.udp_mem",
                                               "net.ipv4.tcp_congestion_control",
                                               "net.ipv4.tcp_allowed_congestion_control",
                                               "net.ipv4.tcp_available_congestion_control",
                                               "net.ipv4.tcp_max_orphans",
                                               "net.ipv4.inet_peer_",
                                               "net.ipv4.cipso_",
                                               "net.ipv4.neigh.default.gc_",
                                               "net.ipv6.neigh.default.gc_",
                                               "net.netfilter.nf_conntrack_max",
                                               "net.netfilter.nf_conntrack_buckets",
                                               "net.netfilter.nf_conntrack_expect_max"};
  return !begins_with(name, own) || begins_with(name, shared);
}

// A ruleset needs what it is for, and what its rules name: sets, connections of IPVS.
void add_ruleset(const LoadRuleset& ruleset, Collector& needs) {
  std::string asker = fmt::format("node {}: {}", ruleset.node, ruleset.kind);
  needs.add(ruleset.kind, asker);
  if (ruleset.kind != "iptables" && ruleset.kind != "ip6tables") return;
  for (const std::string& need : needs_of_command(ruleset.text)) needs.add(need, asker);
}

void add_operation(const Operation& operation, Collector& needs) {
  if (const auto* bridge = std::get_if<CreateBridge>(&operation)) {
    std::string asker =
        bridge->node.empty() ? "network " + full_name(bridge->name) : link_of(bridge->node, bridge->name);
    needs.add("bridge", asker);
    if (bridge->vlan_filtering) needs.add("bridge-vlan", asker);
  } else if (const auto* cable = std::get_if<CreateCable>(&operation)) {
    needs.add("veth", link_of(cable->node, cable->name));
  } else if (const auto* wire = std::get_if<CreateWire>(&operation)) {
    needs.add("veth", link_of(wire->node, wire->name));
    needs.add("veth", link_of(wire->peer_node, wire->peer_name));
  } else if (const auto* dummy = std::get_if<CreateDummy>(&operation)) {
    needs.add("dummy", link_of(dummy->node, dummy->name));
  } else if (const auto* vxlan = std::get_if<CreateVxlan>(&operation)) {
    needs.add("vxlan", link_of(vxlan->node, vxlan->name));
  } else if (const auto* macvlan = std::get_if<CreateMacvlan>(&operation)) {
    needs.add("macvlan", link_of(macvlan->node, macvlan->name));
  } else if (const auto* vlan = std::get_if<CreateVlan>(&operation)) {
    needs.add("vlan", link_of(vlan->node, vlan->name));
  } else if (const auto* tunnel = std::get_if<CreateTunnel>(&operation)) {
    needs.add(tunnel->kind, link_of(tunnel->node, tunnel->name));
  } else if (const auto* tun = std::get_if<CreateTun>(&operation)) {
    needs.add("tun-open", link_of(tun->node, tun->name));
  } else if (const auto* impairment = std::get_if<SetImpairment>(&operation)) {
    needs.add(impairment->impairment.only_rate() ? "tbf" : "netem",
              fmt::format("node {}: impairment of {}", impairment->node, impairment->link));
  } else if (const auto* address = std::get_if<AddAddress>(&operation)) {
    if (address->address.address.is_v6()) {
      needs.add("ipv6", fmt::format("node {}: address {}", address->node, address->address.to_string()));
    }
  } else if (const auto* sysctl = std::get_if<SetSysctl>(&operation)) {
    std::string asker = fmt::format("node {}: sysctl {}", sysctl->node, sysctl->name);
    if (is_kernel_sysctl(sysctl->name)) needs.add("kernel-sysctl", asker);
    if (sysctl->name.rfind("net.ipv4.vs.", 0) == 0) needs.add("ipvs-netlink", asker);
    if (sysctl->name.rfind("net.bridge.", 0) == 0) needs.add("bridge-netfilter", asker);
  } else if (const auto* ipvs = std::get_if<AddIpvsService>(&operation)) {
    std::string asker = fmt::format("node {}: ipvs {}://{}", ipvs->node, ipvs->service.protocol,
                                    netlink::endpoint_text(ipvs->service.address, ipvs->service.port));
    needs.add("ipvs-netlink", asker);
    if (ipvs->service.forward == topology::Forwarding::tun) needs.add("ipip", asker);
  } else if (const auto* ruleset = std::get_if<LoadRuleset>(&operation)) {
    add_ruleset(*ruleset, needs);
  }
}

void add_command(const std::string& command, const std::string& asker, Collector& needs) {
  for (const std::string& need : needs_of_command(command)) needs.add(need, asker);
}

void add_expectation(const topology::Expect& expect, const std::string& asker, Collector& needs) {
  if (const auto* outcome = std::get_if<topology::CommandOutcome>(&expect.what)) {
    add_command(outcome->command, asker, needs);
  } else if (std::holds_alternative<topology::IpvsTable>(expect.what)) {
    needs.add("ipvs-netlink", asker);
  } else if (std::holds_alternative<topology::IpsetMembers>(expect.what)) {
    needs.add("ipset", asker);
  } else if (std::holds_alternative<topology::ConntrackEntry>(expect.what)) {
    needs.add("conntrack-netlink", asker);
  } else if (std::holds_alternative<topology::RuleCounter>(expect.what)) {
    needs.add("iptables", asker);
  }
}

void add_scenario(const topology::Topology& topology, Collector& needs) {
  for (const topology::Step& step : topology.scenario) {
    std::string asker = fmt::format("scenario, line {}", step.at.line);
    if (const auto* expect = std::get_if<topology::Expect>(&step.action)) add_expectation(*expect, asker, needs);
    if (const auto* command = std::get_if<topology::Do>(&step.action)) add_command(command->command, asker, needs);
    const auto* fault = std::get_if<topology::Inject>(&step.action);
    const auto* impair = fault == nullptr ? nullptr : std::get_if<topology::Impair>(&fault->what);
    if (impair != nullptr) needs.add(impair->impairment.only_rate() ? "tbf" : "netem", asker);
  }
}

std::string name_of(const topology::Node& node, const topology::Workload& workload) {
  return fmt::format("node {}: workload {}", node.name, workload.name);
}

void add_workload(const topology::Workload& workload, const std::string& asker, Collector& needs) {
  if (const auto* run = std::get_if<topology::Run>(&workload.what)) {
    std::string command;
    for (const std::string& word : run->arguments) command += word + " ";
    add_command(command, asker, needs);
  }
  if (const auto* daemon = std::get_if<topology::Daemon>(&workload.what); daemon != nullptr && daemon->kind->needs) {
    for (const std::string& need : daemon->kind->needs(daemon->configuration)) needs.add(need, asker);
  }
  bool root = !workload.user || workload.user->value == "root" || workload.user->value == "0";
  if (!root) needs.add("users", asker + " as user " + workload.user->value);
}

void add_workloads(const topology::Topology& topology, Collector& needs) {
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Workload& workload : node.workloads) add_workload(workload, name_of(node, workload), needs);
  }
}

// Those in files of their own are not read here; an embedded kernel loads what it was not told of later.
bool asks_for_host_ports(const topology::Topology& topology) {
  return std::any_of(topology.manifests.begin(), topology.manifests.end(), [](const topology::Manifest& manifest) {
    return manifest.json.find("\"hostPort\":") != std::string::npos;
  });
}

std::vector<std::string> needs_of_proxy(const std::string& mode) {
  if (mode == "iptables") return {"iptables", "conntrack-netlink", "bridge-netfilter"};
  return {"ipvs-netlink", "ipset", "iptables", "dummy", "conntrack-netlink", "bridge-netfilter"};
}

// A replaced agent brings needs of its own that nobody here can know; the mode says most of them.
void add_cluster(const topology::Cluster& cluster, Collector& needs) {
  needs.add("veth", "cluster: pods");
  needs.add("bridge", "cluster: pods");
  if (cluster.proxy.enabled) {
    std::string asker = "cluster: proxy in mode " + cluster.proxy.mode;
    for (const std::string& need : needs_of_proxy(cluster.proxy.mode)) needs.add(need, asker);
  }
  if (cluster.overlay.enabled) {
    std::string asker = "cluster: overlay with backend " + cluster.overlay.backend;
    needs.add("iptables", asker);
    if (cluster.overlay.backend == "vxlan") needs.add("vxlan", asker);
    if (cluster.overlay.backend == "udp") needs.add("tun-open", asker);
  }
}

}  // namespace

std::vector<Need> needs_of(const topology::Topology& topology, const Plan& plan) {
  Collector needs;
  for (const Operation& operation : plan.operations) add_operation(operation, needs);
  if (topology.cluster) add_cluster(*topology.cluster, needs);
  if (asks_for_host_ports(topology)) needs.add("iptables", "manifests: hostPort");
  add_workloads(topology, needs);
  add_scenario(topology, needs);
  return needs.take();
}

std::vector<NeededProgram> programs_of(const topology::Topology& topology) {
  std::vector<NeededProgram> programs;
  for (const topology::Node& node : topology.nodes) {
    for (const topology::Workload& workload : node.workloads) {
      const auto* daemon = std::get_if<topology::Daemon>(&workload.what);
      if (daemon == nullptr) continue;
      for (const topology::HostProgram& program : daemon->kind->programs) {
        auto found = std::find_if(programs.begin(), programs.end(),
                                  [&](const NeededProgram& it) { return it.name == program.name; });
        if (found == programs.end()) found = programs.insert(found, NeededProgram{program.name, program.package, {}});
        found->asked_by.push_back(name_of(node, workload));
      }
    }
  }
  return programs;
}

}  // namespace plan
