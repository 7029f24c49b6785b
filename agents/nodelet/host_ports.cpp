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

void add_pod(IptablesRules& rules, const std::string& pod, const PortMapping& mapping) {
  std::vector<std::string>& chain = rules[host_port_chain(pod)];
  const std::string comment =
      "-m comment --comment " + netfilter::quote_comment("dnat name: \"cbr0\" id: \"" + pod + "\"");
  for (const HostPort& port : mapping.ports) {
    const std::string protocol = fmt::format("-p {0} -m {0} --dport {1}", port.protocol, port.port);
    const std::string to = port.host_ip.empty() ? "" : "-d " + port.host_ip + "/32 ";
    rules[dnat_chain].push_back(fmt::format("{}{} {} -j {}", to, protocol, comment, host_port_chain(pod)));
    // A pod that reaches itself, or the node through its loopback, must see the answer come back this way.
    chain.push_back(fmt::format("-s {} {}{} -j {}", mapping.pod_subnet, to, protocol, mark_chain));
    chain.push_back(fmt::format("-s 127.0.0.1/32 {}{} -j {}", to, protocol, mark_chain));
    chain.push_back(fmt::format("{}{} -j DNAT --to-destination {}:{}", to, protocol, mapping.pod_ip, port.pod_port));
  }
}

// Our own chains, in the words that iptables-save would choose.
IptablesRules rules_of(const PortMappings& mappings) {
  IptablesRules rules;
  rules[dnat_chain] = {};
  rules[mark_chain] = {"-m comment --comment \"CNI portfwd masquerade mark\" -j MARK --set-xmark 0x2000/0x2000"};
  rules[masquerade_chain] = {"-m mark --mark 0x2000/0x2000 -j MASQUERADE"};
  for (const auto& [pod, mapping] : mappings) add_pod(rules, pod, mapping);
  return rules;
}

// Chains of pods that are not mapped.
std::vector<std::string> stale_chains(const IptablesRules& wanted, const IptablesRules& present) {
  std::vector<std::string> stale;
  for (const auto& [chain, rules] : present) {
    if (chain.starts_with(pod_chain_prefix) && wanted.count(chain) == 0) stale.push_back(chain);
  }
  return stale;
}

bool is_in_place(const IptablesRules& wanted, const IptablesRules& present) {
  auto is_same = [&](const auto& chain) {
    auto found = present.find(chain.first);
    return found != present.end() && found->second == chain.second;
  };
  auto is_made = [&](const Jump& jump) { return contains(present, jump.parent, jump.rule); };
  return std::all_of(wanted.begin(), wanted.end(), is_same) &&
         std::all_of(std::begin(jumps), std::end(jumps), is_made) && stale_chains(wanted, present).empty();
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
  const IptablesRules wanted = rules_of(mappings);
  const std::vector<std::string> stale = stale_chains(wanted, present);
  for (const auto& [chain, rules] : wanted) table.chain(chain);
  for (const std::string& chain : stale) table.chain(chain);
  for (const Jump& jump : jumps) {
    if (!contains(present, jump.parent, jump.rule)) table.append(jump.parent, jump.rule);
  }
  for (const auto& [chain, rules] : wanted) {
    for (const std::string& rule : rules) table.append(chain, rule);
  }
  for (const std::string& chain : stale) table.delete_chain(chain);
  return table;
}

void HostPorts::set(const std::string& pod, const PortMapping& mapping) {
  if (mapping.ports.empty()) return remove(pod);
  auto found = mappings_.find(pod);
  if (found != mappings_.end() && found->second == mapping) return;
  mappings_[pod] = mapping;
  changed_ = true;
  ensure();
}

void HostPorts::remove(const std::string& pod) {
  if (mappings_.erase(pod) == 0) return;
  changed_ = true;
  ensure();
}

void HostPorts::begin(bool may_be_left) {
  begun_ = true;
  changed_ = changed_ || may_be_left;
}

bool HostPorts::ensure() {
  bool concerns_us = changed_ || iptables_;
  if (!begun_ || !concerns_us) return false;
  if (!iptables_) {
    // A kube-proxy may have chosen already, and rules of two variants would both apply.
    iptables_ = netfilter::Iptables::choose(netfilter::Iptables::Family::ipv4,
                                            {"-m addrtype --dst-type LOCAL -j RETURN"}, "KUBE-");
  }
  std::optional<std::uint64_t> before = iptables_->fingerprint({"nat"});
  if (!changed_ && before && before == in_place_) return false;
  bool written = write(iptables_->rules("nat"));
  changed_ = false;
  // As it was before the look, so that no change of somebody else's is missed.
  in_place_ = written ? std::nullopt : before;
  return written;
}

// Where nothing is mapped and nothing was ever written, nothing is to be.
bool HostPorts::write(const IptablesRules& present) {
  bool nothing_of_ours = mappings_.empty() && present.count(dnat_chain) == 0;
  if (nothing_of_ours || is_in_place(rules_of(mappings_), present)) return false;
  iptables_->restore(host_port_table(mappings_, present).text());
  // For what the node sends to its own loopback: it leaves through the bridge with a source that is not routable.
  const std::string localnet = std::string("net.ipv4.conf.") + bridge_name + ".route_localnet";
  if (netlink::has_sysctl(localnet)) netlink::write_sysctl(localnet, "1");
  return true;
}

}  // namespace nodelet
