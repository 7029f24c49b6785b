#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "labctl/plan/describe.h"
#include "labctl/plan/plan.h"

namespace plan {
namespace {

std::string prefixed(const std::string& node, const std::string& what) {
  return node.empty() ? what : fmt::format("node {}: {}", node, what);
}

std::string shown(const InterfaceName& name) {
  return name.alternative.empty() ? name.name : fmt::format("{} ({})", name.alternative, name.name);
}

std::string mtu_text(const std::optional<std::uint32_t>& mtu) {
  return mtu ? fmt::format(", MTU {}", *mtu) : "";
}

std::string vlans_text(const PortVlans& vlans) {
  std::string text = vlans.untagged ? fmt::format(" VLAN {}", *vlans.untagged) : "";
  for (std::uint16_t id : vlans.tagged) text += fmt::format(" tagged {}", id);
  return text;
}

struct Describer {
  std::string operator()(const CreateNode& it) const {
    return fmt::format("create node {}{}", it.node, it.ipv6 ? "" : ", IPv6 off");
  }
  std::string operator()(const CreateBridge& it) const {
    std::string text = prefixed(it.node, fmt::format("create bridge {}{}", shown(it.name), mtu_text(it.mtu)));
    for (const BridgePort& port : it.ports) text += ", port " + shown(port.name) + vlans_text(port.vlans);
    if (it.vlan_filtering) text += ", filters VLANs" + vlans_text(it.vlans);
    return text;
  }
  std::string operator()(const CreateCable& it) const {
    return prefixed(it.node, fmt::format("create veth pair {} - {} on bridge {}, MAC {}{}", shown(it.name),
                                         shown(it.switch_end), it.bridge.name, it.mac.to_string(), mtu_text(it.mtu)));
  }
  std::string operator()(const CreateWire& it) const {
    return prefixed(it.node, fmt::format("create veth pair {} - {} of node {}, MACs {} and {}{}", shown(it.name),
                                         shown(it.peer_name), it.peer_node, it.mac.to_string(), it.peer_mac.to_string(),
                                         mtu_text(it.mtu)));
  }
  std::string operator()(const CreateDummy& it) const {
    return prefixed(it.node, fmt::format("create dummy link {}{}", shown(it.name), mtu_text(it.mtu)));
  }
  std::string operator()(const CreateVxlan& it) const {
    std::string text = fmt::format("create VXLAN link {}, VNI {}{}", shown(it.name), it.vni, mtu_text(it.mtu));
    if (it.local) text += ", local " + it.local->to_string();
    if (!it.device.empty()) text += ", by " + it.device;
    return prefixed(it.node, text);
  }
  std::string operator()(const CreateMacvlan& it) const {
    return prefixed(it.node, fmt::format("create MACVLAN link {} on {}, mode {}, MAC {}{}", shown(it.name), it.device,
                                         it.mode, it.mac.to_string(), mtu_text(it.mtu)));
  }
  std::string operator()(const CreateVlan& it) const {
    return prefixed(it.node, fmt::format("create VLAN link {} on {}, VLAN {}{}", shown(it.name), it.device, it.id,
                                         mtu_text(it.mtu)));
  }
  std::string operator()(const CreateTunnel& it) const {
    std::string text = fmt::format("create {} tunnel {}{}", it.kind, shown(it.name), mtu_text(it.mtu));
    if (it.local) text += ", local " + it.local->to_string();
    if (it.remote) text += ", remote " + it.remote->to_string();
    if (!it.device.empty()) text += ", by " + it.device;
    if (it.key) text += fmt::format(", key {}", *it.key);
    return prefixed(it.node, text);
  }
  std::string operator()(const CreateTun& it) const {
    return prefixed(it.node,
                    fmt::format("create {} link {}{}", it.mac ? "TAP" : "TUN", shown(it.name), mtu_text(it.mtu)));
  }
  std::string operator()(const SetImpairment& it) const {
    return prefixed(it.node, fmt::format("impair {}: {}", it.link, netlink::impairment_words(it.impairment)));
  }
  std::string operator()(const AddAddress& it) const {
    return prefixed(it.node, fmt::format("add address {} to {}", it.address.to_string(), it.link));
  }
  std::string operator()(const SetUp& it) const { return prefixed(it.node, "set " + it.link + " up"); }
  std::string operator()(const AddRoute& it) const { return prefixed(it.node, "add route " + route_words(it)); }
  std::string operator()(const AddRule& it) const {
    return prefixed(it.node, fmt::format("add rule{} {}", it.rule.family == AF_INET6 ? " for IPv6" : "",
                                         netlink::rule_words(it.rule)));
  }
  std::string operator()(const SetSysctl& it) const {
    return prefixed(it.node, fmt::format("set sysctl {}={}", it.name, it.value));
  }
  std::string operator()(const AddIpvsService& it) const {
    const topology::IpvsService& service = it.service;
    std::string text = fmt::format("add virtual service {}://{} scheduler {} forward {}", service.protocol,
                                   netlink::endpoint_text(service.address, service.port), service.scheduler,
                                   forwarding_word(service.forward));
    for (const topology::IpvsServer& server : service.servers)
      text += ", server " + netlink::endpoint_text(server.address, server.port);
    return prefixed(it.node, text);
  }
  std::string operator()(const LoadRuleset& it) const {
    auto lines = std::count(it.text.begin(), it.text.end(), '\n');
    return prefixed(it.node, fmt::format("load ruleset of {}, {} lines", it.kind, lines));
  }
};

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

}  // namespace

const char* forwarding_word(topology::Forwarding forward) {
  switch (forward) {
    case topology::Forwarding::nat:
      return "nat";
    case topology::Forwarding::dr:
      return "dr";
    case topology::Forwarding::tun:
      return "tun";
  }
  return "";
}

std::string route_words(const AddRoute& route) {
  // "default" without a gateway would mean IPv4.
  bool any = route.destination.is_default() && (route.via || !route.destination.address.is_v6());
  std::string text = route.type.empty() ? "" : route.type + " ";
  text += any ? "default" : route.destination.to_string();
  if (route.via) text += " via " + route.via->to_string();
  if (!route.device.empty()) text += " dev " + route.device;
  if (route.source) text += " src " + route.source->to_string();
  if (route.onlink) text += " onlink";
  if (route.metric) text += fmt::format(" metric {}", *route.metric);
  if (route.table) text += fmt::format(" table {}", *route.table);
  if (route.mtu) text += fmt::format(" mtu {}", *route.mtu);
  return text;
}

std::string describe(const Operation& operation) {
  return std::visit(Describer{}, operation);
}

std::string to_text(const Plan& plan) {
  std::string text = "lab " + plan.lab + "\n\nneeds of the kernel\n";
  for (const Need& need : plan.needs) text += fmt::format("  {:<18} {}\n", need.need, joined(need.asked_by, "; "));
  text += "\noperations\n";
  for (const Operation& operation : plan.operations) text += "  " + describe(operation) + "\n";
  if (!plan.processes.empty()) text += "\nprocesses\n";
  for (const Process& process : plan.processes) {
    text += fmt::format("  {}: {}\n", process.full_name(), joined(process.arguments, " "));
    if (!process.user.empty()) text += fmt::format("    as user {}\n", process.user);
    for (const topology::File& file : process.files) text += fmt::format("    writes {}\n", file.path);
    for (const topology::Limit& limit : process.limits) {
      text += fmt::format("    limit {} {}\n", limit.name, limit.value ? std::to_string(*limit.value) : "unlimited");
    }
    if (!process.after.empty()) text += fmt::format("    after {}\n", joined(process.after, ", "));
  }
  return text;
}

}  // namespace plan
