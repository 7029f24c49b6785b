#include <fmt/format.h>

#include <boost/json.hpp>

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

std::string route_text(const AddRoute& route) {
  std::string text = route.destination.is_default() ? "default" : route.destination.to_string();
  if (route.via) text += " via " + route.via->to_string();
  if (!route.device.empty()) text += " dev " + route.device;
  if (route.source) text += " src " + route.source->to_string();
  if (route.onlink) text += " onlink";
  if (route.metric) text += fmt::format(" metric {}", *route.metric);
  return text;
}

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

std::string endpoint(const IpAddress& address, std::uint16_t port) {
  return fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"), address.to_string(), port);
}

struct Describer {
  std::string operator()(const CreateNode& it) const {
    return fmt::format("create node {}{}", it.node, it.ipv6 ? "" : ", IPv6 off");
  }
  std::string operator()(const CreateBridge& it) const {
    std::string text = prefixed(it.node, fmt::format("create bridge {}{}", shown(it.name), mtu_text(it.mtu)));
    for (const InterfaceName& port : it.ports) text += ", port " + shown(port);
    return text;
  }
  std::string operator()(const CreateCable& it) const {
    return prefixed(it.node, fmt::format("create veth pair {} - {} on bridge {}, MAC {}{}", shown(it.name),
                                         shown(it.switch_end), it.bridge.name, it.mac.to_string(), mtu_text(it.mtu)));
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
  std::string operator()(const AddAddress& it) const {
    return prefixed(it.node, fmt::format("add address {} to {}", it.address.to_string(), it.link));
  }
  std::string operator()(const SetUp& it) const { return prefixed(it.node, "set " + it.link + " up"); }
  std::string operator()(const AddRoute& it) const { return prefixed(it.node, "add route " + route_text(it)); }
  std::string operator()(const SetSysctl& it) const {
    return prefixed(it.node, fmt::format("set sysctl {}={}", it.name, it.value));
  }
  std::string operator()(const AddIpvsService& it) const {
    const topology::IpvsService& service = it.service;
    std::string text =
        fmt::format("add virtual service {}://{} scheduler {} forward {}", service.protocol,
                    endpoint(service.address, service.port), service.scheduler, forwarding_word(service.forward));
    for (const topology::IpvsServer& server : service.servers)
      text += ", server " + endpoint(server.address, server.port);
    return prefixed(it.node, text);
  }
};

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

// ---- commands of iproute2 and ipvsadm

class Shell {
 public:
  std::string text;

  void operator()(const CreateNode& it) {
    line(fmt::format("ip netns add {}", it.node));
    line(fmt::format("ip -n {} link set lo up", it.node));
    if (!it.ipv6) run(it.node, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
  }
  void operator()(const CreateBridge& it) {
    ip(it.node, fmt::format("link add {}{} type bridge stp_state 0 forward_delay 0 mcast_snooping 0", it.name.name,
                            mtu_words(it.mtu)));
    alternative_name(it.node, it.name);
    for (const InterfaceName& port : it.ports) {
      ip(it.node, fmt::format("link set {} master {} up", port.name, it.name.name));
    }
    if (it.node.empty()) ip("", fmt::format("link set {} up", it.name.name));
  }
  void operator()(const CreateCable& it) {
    line(
        fmt::format("ip -n {} link add {}{} address {} numtxqueues 1 numrxqueues 1 type veth peer name {} address {} "
                    "netns {}",
                    switch_name, it.switch_end.name, mtu_words(it.mtu), it.switch_mac.to_string(), it.name.name,
                    it.mac.to_string(), it.node));
    line(fmt::format("ip -n {} link set {} master {} up", switch_name, it.switch_end.name, it.bridge.name));
    if (it.mtu) ip(it.node, fmt::format("link set {} mtu {}", it.name.name, *it.mtu));
    alternative_name("", it.switch_end);
    alternative_name(it.node, it.name);
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
  void operator()(const AddAddress& it) {
    ip(it.node, fmt::format("address add {} dev {}{}", it.address.to_string(), it.link,
                            it.address.address.is_v6() ? " nodad" : ""));
  }
  void operator()(const SetUp& it) { ip(it.node, fmt::format("link set {} up", it.link)); }
  void operator()(const AddRoute& it) { ip(it.node, "route add " + route_text(it)); }
  void operator()(const SetSysctl& it) { run(it.node, fmt::format("sysctl -qw {}='{}'", it.name, it.value)); }
  void operator()(const AddIpvsService& it) {
    const topology::IpvsService& service = it.service;
    const char* protocol = service.protocol == "tcp" ? "-t" : "-u";
    std::string persistent =
        service.persistent
            ? fmt::format(" -p {}", std::chrono::duration_cast<std::chrono::seconds>(*service.persistent).count())
            : "";
    run(it.node, fmt::format("ipvsadm -A {} {} -s {}{}", protocol, endpoint(service.address, service.port),
                             service.scheduler, persistent));
    const char* flag = service.forward == topology::Forwarding::nat  ? "-m"
                       : service.forward == topology::Forwarding::dr ? "-g"
                                                                     : "-i";
    for (const topology::IpvsServer& server : service.servers) {
      run(it.node, fmt::format("ipvsadm -a {} {} -r {} {} -w {}", protocol, endpoint(service.address, service.port),
                               endpoint(server.address, server.port), flag, server.weight));
    }
  }

  // The namespace that has the networks' bridges.
  static constexpr const char* switch_name = "switch";

  void line(const std::string& command) { text += command + "\n"; }

 private:
  static std::string name_of(const std::string& node) { return node.empty() ? switch_name : node; }
  void ip(const std::string& node, const std::string& words) { line(fmt::format("ip -n {} {}", name_of(node), words)); }
  void run(const std::string& node, const std::string& command) {
    line(fmt::format("ip netns exec {} {}", name_of(node), command));
  }
  void alternative_name(const std::string& node, const InterfaceName& name) {
    if (!name.alternative.empty()) {
      ip(node, fmt::format("link property add dev {} altname {}", name.name, name.alternative));
    }
  }
  static std::string mtu_words(const std::optional<std::uint32_t>& mtu) {
    return mtu ? fmt::format(" mtu {}", *mtu) : "";
  }
};

boost::json::array strings(const std::vector<std::string>& words) {
  return boost::json::array(words.begin(), words.end());
}

}  // namespace

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
    if (!process.after.empty()) text += fmt::format("    after {}\n", joined(process.after, ", "));
  }
  return text;
}

std::string to_json(const Plan& plan) {
  boost::json::array operations, processes, needs;
  for (const Operation& operation : plan.operations) {
    operations.push_back(boost::json::object{{"node", node_of(operation)}, {"operation", describe(operation)}});
  }
  for (const Process& process : plan.processes) {
    boost::json::object environment;
    for (const auto& [name, value] : process.environment) environment[name] = value;
    processes.push_back(boost::json::object{{"name", process.full_name()},
                                            {"node", process.node},
                                            {"arguments", strings(process.arguments)},
                                            {"environment", environment},
                                            {"after", strings(process.after)}});
  }
  for (const Need& need : plan.needs) {
    needs.push_back(boost::json::object{{"need", need.need}, {"askedBy", strings(need.asked_by)}});
  }
  return boost::json::serialize(
      boost::json::object{{"lab", plan.lab}, {"needs", needs}, {"operations", operations}, {"processes", processes}});
}

std::string to_shell(const Plan& plan) {
  Shell shell;
  shell.line("#!/bin/sh -e");
  shell.line("# The objects of the lab " + plan.lab + ", as a person would make them; to be run by root.");
  shell.line(fmt::format("# To remove them: \"ip netns del\" for {} and each node.", Shell::switch_name));
  shell.line(fmt::format("ip netns add {}", Shell::switch_name));
  for (const Operation& operation : plan.operations) std::visit(shell, operation);
  return shell.text;
}

}  // namespace plan
