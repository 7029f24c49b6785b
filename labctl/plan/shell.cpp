#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "labctl/plan/describe.h"
#include "labctl/plan/plan.h"

namespace plan {
namespace {

// TEXT as one word of a shell.
std::string quoted(const std::string& text) {
  static const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:=,+@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string inner;
  for (char character : text) inner += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return "'" + inner + "'";
}

std::string mtu_words(const std::optional<std::uint32_t>& mtu) {
  return mtu ? fmt::format(" mtu {}", *mtu) : "";
}

// Commands of iproute2 and ipvsadm, as a person would type them.
class Shell {
 public:
  // SWITCH_NAME: the namespace that has the networks' bridges.
  explicit Shell(std::string switch_name) : switch_(std::move(switch_name)) {}

  std::string text;

  void operator()(const CreateNode& it) {
    line(fmt::format("ip netns add {}", it.node));
    ip(it.node, "link set lo up");
    if (!it.ipv6) run(it.node, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
  }
  void operator()(const CreateBridge& it) {
    ip(it.node,
       fmt::format("link add {}{} address {} type bridge stp_state 0 forward_delay 0 mcast_snooping 0{}", it.name.name,
                   mtu_words(it.mtu), it.mac.to_string(), it.vlan_filtering ? " vlan_filtering 1" : ""));
    alternative_name(it.node, it.name);
    vlans(it.node, it.name.name + " self", it.vlans);
    for (const BridgePort& port : it.ports) {
      ip(it.node, fmt::format("link set {} master {} up", port.name.name, it.name.name));
      vlans(it.node, port.name.name, port.vlans);
    }
    if (it.node.empty()) ip("", fmt::format("link set {} up", it.name.name));
  }
  void operator()(const CreateCable& it) {
    ip("",
       fmt::format("link add {}{} address {} numtxqueues 1 numrxqueues 1 type veth peer name {} address {} netns {}",
                   it.switch_end.name, mtu_words(it.mtu), it.switch_mac.to_string(), it.name.name, it.mac.to_string(),
                   it.node));
    ip("", fmt::format("link set {} master {} up", it.switch_end.name, it.bridge.name));
    if (it.mtu) ip(it.node, fmt::format("link set {} mtu {}", it.name.name, *it.mtu));
    alternative_name("", it.switch_end);
    alternative_name(it.node, it.name);
  }
  void operator()(const CreateWire& it) {
    ip(it.node,
       fmt::format("link add {}{} address {} numtxqueues 1 numrxqueues 1 type veth peer name {} address {} netns {}",
                   it.name.name, mtu_words(it.mtu), it.mac.to_string(), it.peer_name.name, it.peer_mac.to_string(),
                   it.peer_node));
    if (it.peer_mtu) ip(it.peer_node, fmt::format("link set {} mtu {}", it.peer_name.name, *it.peer_mtu));
    alternative_name(it.node, it.name);
    alternative_name(it.peer_node, it.peer_name);
  }
  void operator()(const CreateDummy& it) {
    ip(it.node,
       fmt::format("link add {}{} address {} type dummy", it.name.name, mtu_words(it.mtu), it.mac.to_string()));
    alternative_name(it.node, it.name);
  }
  void operator()(const CreateVxlan& it) {
    std::string words = fmt::format("link add {}{} address {} type vxlan id {}", it.name.name, mtu_words(it.mtu),
                                    it.mac.to_string(), it.vni);
    words += fmt::format(" dstport {}", it.port == 0 ? 8472 : it.port);
    if (it.local) words += " local " + it.local->to_string();
    if (!it.device.empty()) words += " dev " + it.device;
    if (!it.learning) words += " nolearning";
    ip(it.node, words);
    alternative_name(it.node, it.name);
  }
  void operator()(const CreateMacvlan& it) {
    ip(it.node, fmt::format("link add {}{} link {} address {} type macvlan mode {}", it.name.name, mtu_words(it.mtu),
                            it.device, it.mac.to_string(), it.mode));
    alternative_name(it.node, it.name);
  }
  void operator()(const CreateVlan& it) {
    ip(it.node, fmt::format("link add {}{} link {} address {} type vlan id {}", it.name.name, mtu_words(it.mtu),
                            it.device, it.mac.to_string(), it.id));
    alternative_name(it.node, it.name);
  }
  void operator()(const CreateTunnel& it) {
    std::string words = fmt::format("link add {}{} type {}", it.name.name, mtu_words(it.mtu), it.kind);
    if (it.local) words += " local " + it.local->to_string();
    if (it.remote) words += " remote " + it.remote->to_string();
    if (!it.device.empty()) words += " dev " + it.device;
    if (it.ttl != 0) words += fmt::format(" ttl {}", it.ttl);
    if (it.key) words += fmt::format(" key {}", *it.key);
    ip(it.node, words);
    alternative_name(it.node, it.name);
  }
  void operator()(const CreateTun& it) {
    ip(it.node, fmt::format("tuntap add dev {} mode {}", it.name.name, it.mac ? "tap" : "tun"));
    if (it.mac) ip(it.node, fmt::format("link set {} address {}", it.name.name, it.mac->to_string()));
    if (it.mtu) ip(it.node, fmt::format("link set {} mtu {}", it.name.name, *it.mtu));
    alternative_name(it.node, it.name);
  }
  void operator()(const SetImpairment& it) {
    std::string words = "netem " + netlink::impairment_words(it.impairment);
    if (it.impairment.only_rate()) {
      netlink::TokenBucket bucket = netlink::token_bucket(it.impairment.rate, it.mtu);
      words =
          fmt::format("tbf {} burst {} limit {}", netlink::impairment_words(it.impairment), bucket.burst, bucket.limit);
    }
    line(fmt::format("tc -n {} qdisc replace dev {} root {}", it.node, it.link, words));
  }
  void operator()(const AddAddress& it) {
    ip(it.node, fmt::format("address add {} dev {}{}", it.address.to_string(), it.link,
                            it.address.address.is_v6() ? " nodad" : ""));
  }
  void operator()(const SetUp& it) { ip(it.node, fmt::format("link set {} up", it.link)); }
  void operator()(const AddRoute& it) { ip(it.node, "route add " + route_words(it)); }
  void operator()(const AddRule& it) {
    ip(it.node, fmt::format("{}rule add {}", it.rule.family == AF_INET6 ? "-6 " : "", netlink::rule_words(it.rule)));
  }
  void operator()(const SetSysctl& it) { run(it.node, fmt::format("sysctl -qw {}", quoted(it.name + "=" + it.value))); }
  void operator()(const AddIpvsService& it) {
    const topology::IpvsService& service = it.service;
    std::string key = fmt::format("{} {}", service.protocol == "tcp" ? "-t" : "-u",
                                  netlink::endpoint_text(service.address, service.port));
    std::string persistent;
    if (service.persistent) persistent = fmt::format(" -p {}", service.persistent->count() / 1000);
    run(it.node, fmt::format("ipvsadm -A {} -s {}{}", key, service.scheduler, persistent));
    for (const topology::IpvsServer& server : service.servers) {
      run(it.node, fmt::format("ipvsadm -a {} -r {} {} -w {}", key, netlink::endpoint_text(server.address, server.port),
                               forwarding_flag(service.forward), server.weight));
    }
  }

  void operator()(const LoadRuleset& it) {
    std::string end = "END";
    while (("\n" + it.text + "\n").find("\n" + end + "\n") != std::string::npos) end += "-";
    std::string command;
    for (const std::string& word : ruleset_command(it.kind)) command += word + " ";
    run(it.node, fmt::format("{}<<'{}'", command, end));
    text += it.text + (it.text.ends_with('\n') ? "" : "\n");
    line(end);
  }

  void line(const std::string& command) { text += command + "\n"; }

 private:
  static const char* forwarding_flag(topology::Forwarding forward) {
    switch (forward) {
      case topology::Forwarding::nat:
        return "-m";
      case topology::Forwarding::dr:
        return "-g";
      case topology::Forwarding::tun:
        return "-i";
    }
    return "";
  }

  const std::string& namespace_of(const std::string& node) const { return node.empty() ? switch_ : node; }
  void ip(const std::string& node, const std::string& words) {
    line(fmt::format("ip -n {} {}", namespace_of(node), words));
  }
  void run(const std::string& node, const std::string& command) {
    line(fmt::format("ip netns exec {} {}", namespace_of(node), command));
  }
  // PORT: the link, and "self" for the bridge's own.
  void vlans(const std::string& node, const std::string& port, const PortVlans& its) {
    if (its.empty()) return;
    auto bridge = [&](const std::string& words) { line(fmt::format("bridge -n {} vlan {}", node, words)); };
    bridge(fmt::format("del vid 1 dev {}", port));
    if (its.untagged) bridge(fmt::format("add vid {} pvid untagged dev {}", *its.untagged, port));
    for (std::uint16_t id : its.tagged) bridge(fmt::format("add vid {} dev {}", id, port));
  }
  void alternative_name(const std::string& node, const InterfaceName& name) {
    if (name.alternative.empty()) return;
    ip(node, fmt::format("link property add dev {} altname {}", name.name, name.alternative));
  }

  std::string switch_;
};

// A name that no node has.
std::string switch_name(const Plan& plan) {
  std::string name = "switch";
  auto taken = [&](const Operation& operation) { return node_of(operation) == name; };
  while (std::any_of(plan.operations.begin(), plan.operations.end(), taken)) name += "-0";
  return name;
}

}  // namespace

std::string to_shell(const Plan& plan) {
  const std::string name = switch_name(plan);
  Shell shell(name);
  shell.line("#!/bin/sh -e");
  shell.line("# The objects of the lab " + plan.lab + ", as a person would make them; to be run by root.");
  shell.line("# To remove them: \"ip netns del\" for " + name + " and each node.");
  shell.line("ip netns add " + name);
  for (const Operation& operation : plan.operations) std::visit(shell, operation);
  if (!plan.processes.empty()) {
    shell.line(
        "# What runs in it, and the names in /etc/hosts, are not objects of the kernel; labctl plan lists them:");
    for (const Process& process : plan.processes) shell.line("#   " + process.full_name());
  }
  return shell.text;
}

}  // namespace plan
