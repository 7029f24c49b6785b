#include "agents/nodelet/host_ports.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/nodelet/bridge.h"
#include "lib/netlink/address.h"
#include "lib/netlink/network_namespace.h"

namespace nodelet {
namespace {

using netfilter::IptablesRules;
using netfilter::IptablesTable;

const std::string dnat_chain = "CNI-HOSTPORT-DNAT";
const std::string mark_chain = "CNI-HOSTPORT-SETMARK";
const std::string masquerade_chain = "CNI-HOSTPORT-MASQ";
const std::string pod_chain_prefix = "CNI-DN-";

struct Jump {
  const char* parent;
  std::string rule;
};
const Jump jumps[] = {
    {"PREROUTING", "-m addrtype --dst-type LOCAL -j " + dnat_chain},
    {"OUTPUT", "-m addrtype --dst-type LOCAL -j " + dnat_chain},
    {"POSTROUTING", "-m comment --comment \"CNI portfwd requiring masquerade\" -j " + masquerade_chain},
};

bool contains(const IptablesRules& rules, const std::string& chain, const std::string& rule) {
  auto found = rules.find(chain);
  return found != rules.end() && std::find(found->second.begin(), found->second.end(), rule) != found->second.end();
}

void add_pod(IptablesTable& table, const std::string& pod, const PortMapping& mapping) {
  const std::string chain = host_port_chain(pod);
  const std::string comment =
      "-m comment --comment " + netfilter::quote_comment("dnat name: \"cbr0\" id: \"" + pod + "\"");
  for (const HostPort& port : mapping.ports) {
    const std::string protocol = fmt::format("-p {0} -m {0} --dport {1}", port.protocol, port.port);
    const std::string to = port.host_ip.empty() ? "" : "-d " + port.host_ip + "/32 ";
    table.append(dnat_chain, fmt::format("{}{} {} -j {}", to, protocol, comment, chain));
    // A pod that reaches itself, or the node through its loopback, must see the answer come back this way.
    table.append(chain, fmt::format("-s {} {}{} -j {}", mapping.pod_subnet, to, protocol, mark_chain));
    table.append(chain, fmt::format("-s 127.0.0.1/32 {}{} -j {}", to, protocol, mark_chain));
    table.append(chain,
                 fmt::format("{}{} -j DNAT --to-destination {}:{}", to, protocol, mapping.pod_ip, port.pod_port));
  }
}

std::string lower(std::string text) {
  for (char& letter : text) letter = static_cast<char>(letter | 0x20);  // "TCP", "UDP", "SCTP"
  return text;
}

}  // namespace

std::vector<HostPort> host_ports_of(const kube::Pod& pod) {
  std::vector<HostPort> ports;
  if (pod.host_network) return ports;
  for (const kube::Container& container : pod.containers) {
    for (const kube::ContainerPort& port : container.ports) {
      if (port.host_port == 0) continue;
      std::string host_ip = port.host_ip == "0.0.0.0" ? "" : port.host_ip;
      ports.push_back({lower(port.protocol), port.host_port, host_ip, port.port});
    }
  }
  return ports;
}

std::string host_port_chain(const std::string& pod) {
  // As long as the kernel lets a chain's name be: two hashes are enough for it.
  std::uint64_t more = netlink::stable_hash(pod + "/") & 0xfffff;
  return pod_chain_prefix + fmt::format("{:016x}{:05x}", netlink::stable_hash(pod), more);
}

IptablesTable host_port_table(const PortMappings& mappings, const IptablesRules& present) {
  IptablesTable table("nat");
  for (const std::string& chain : {dnat_chain, mark_chain, masquerade_chain}) table.chain(chain);
  std::set<std::string> wanted;
  for (const auto& [pod, mapping] : mappings) {
    wanted.insert(host_port_chain(pod));
    table.chain(host_port_chain(pod));
  }
  for (const Jump& jump : jumps) {
    if (!contains(present, jump.parent, jump.rule)) table.append(jump.parent, jump.rule);
  }
  table.append(mark_chain, "-m comment --comment \"CNI portfwd masquerade mark\" -j MARK --set-xmark 0x2000/0x2000");
  table.append(masquerade_chain, "-m mark --mark 0x2000/0x2000 -j MASQUERADE");
  for (const auto& [pod, mapping] : mappings) add_pod(table, pod, mapping);
  for (const auto& [chain, rules] : present) {
    if (!chain.starts_with(pod_chain_prefix) || wanted.count(chain) > 0) continue;
    table.chain(chain);
    table.delete_chain(chain);
  }
  return table;
}

void HostPorts::set(const std::string& pod, const PortMapping& mapping) {
  if (mapping.ports.empty()) return remove(pod);
  auto found = mappings_.find(pod);
  if (found != mappings_.end() && found->second == mapping) return;
  mappings_[pod] = mapping;
  write();
  // For what the node sends to its own loopback: it leaves through the bridge with a source that is not routable.
  const std::string localnet = std::string("net.ipv4.conf.") + bridge_name + ".route_localnet";
  if (netlink::has_sysctl(localnet)) netlink::write_sysctl(localnet, "1");
}

void HostPorts::remove(const std::string& pod) {
  if (mappings_.erase(pod) > 0) write();
}

void HostPorts::write() {
  if (!iptables_) {
    // A kube-proxy may have chosen already, and rules of two variants would both apply.
    iptables_ = netfilter::Iptables::choose(netfilter::Iptables::Family::ipv4,
                                            {"-m addrtype --dst-type LOCAL -j RETURN"}, "KUBE-");
  }
  iptables_->restore(host_port_table(mappings_, iptables_->rules("nat")).text());
}

}  // namespace nodelet
