#include <fmt/format.h>

#include <map>
#include <set>

#include "labctl/topology/checks/checks.h"
#include "labctl/topology/links/mtu.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// RFC 8200, section 5.
constexpr std::uint32_t least_ipv6_mtu = 1280;
// Of the kernel (vxlan_port in drivers/net/vxlan); that of RFC 7348 is 4789.
constexpr std::uint16_t default_vxlan_port = 8472;

// ---- addresses

// The subnet of NETWORK that has the family of ADDRESS.
const Located<Prefix>* subnet_for(const Network& network, const IpAddress& address) {
  const std::optional<Located<Prefix>>& subnet = address.is_v6() ? network.subnet6 : network.subnet;
  return subnet ? &*subnet : nullptr;
}

bool is_network_or_broadcast(const Prefix& subnet, const IpAddress& address) {
  if (address.is_v6() || subnet.length > 30) return false;
  IpAddress broadcast = subnet.network().address.plus((1ull << (32 - subnet.length)) - 1);
  return address == subnet.network().address || address == broadcast;
}

void refuse_missing_length(const Network& network, const Located<Prefix>& address, Faults& faults) {
  bool v6 = address.value.address.is_v6();
  std::string shown = address.value.address.to_string();
  faults.add(address.at,
             fmt::format("network {} has no {} subnet, give the address a length ({}/{}) or the network a {}",
                         network.name, v6 ? "IPv6" : "IPv4", shown, v6 ? 64 : 24, v6 ? "subnet6" : "subnet"));
}

void check_address_in_network(const Network& network, Located<Prefix>& address, bool has_length, Faults& faults) {
  const Located<Prefix>* subnet = subnet_for(network, address.value.address);
  if (subnet == nullptr) {
    if (!has_length) refuse_missing_length(network, address, faults);
    return;
  }
  if (!has_length) address.value.length = subnet->value.length;
  std::string shown = address.value.address.to_string();
  if (!subnet->value.contains(address.value.address)) {
    faults.add(address.at, fmt::format("address {} is outside network {} ({}), choose one inside", shown, network.name,
                                       subnet->value.network().to_string()));
  } else if (is_network_or_broadcast(subnet->value, address.value.address)) {
    faults.add(address.at, fmt::format("{} is the network or broadcast address of {}, choose another", shown,
                                       subnet->value.network().to_string()));
  }
}

void check_address(const Located<Prefix>& address, Faults& faults) {
  const IpAddress& value = address.value.address;
  std::string kind = value.is_unspecified() ? "no address of a machine" : unusable(value);
  if (kind.empty()) return;
  faults.add(address.at, fmt::format("{} is {}, choose another", value.to_string(), kind));
}

// ---- links of each kind

void check_kind(const Topology& topology, const Node&, Link& link, NetworkLink& kind, Faults& faults) {
  bool implied = kind.network.value.empty();
  if (implied) kind.network = {link.name, link.at};
  const Network* network = topology.find_network(kind.network.value);
  if (network == nullptr) {
    if (implied && !interface_rule().refuse(link.name).empty()) return;  // refused already
    std::string mend = topology.networks.empty()
                           ? fmt::format(", declare it: networks: {{{}: {{subnet: …}}}}", kind.network.value)
                           : suggestion(kind.network.value, names_of(topology.networks));
    const char* why = implied ? ", and the link says neither network nor kind" : "";
    faults.add(kind.network.at, fmt::format("no network \"{}\"{}{}", kind.network.value, why, mend));
    return;
  }
  if (!link.mtu) link.mtu = network->mtu;
  for (size_t i = 0; i < link.addresses.size(); ++i) {
    check_address_in_network(*network, link.addresses[i], link.address_has_length[i], faults);
  }
}

void check_kind(const Topology&, const Node&, Link&, DummyLink&, Faults&) {}

// NAME is to be another link of NODE.
bool check_reference(const Node& node, const Link& link, const Located<std::string>& name, Faults& faults) {
  if (name.value == link.name) {
    faults.add(name.at, fmt::format("link {} refers to itself, name another link of node {}", link.name, node.name));
    return false;
  }
  if (find_link(node, name.value) != nullptr) return true;
  faults.add(name.at, fmt::format("node {} has no link \"{}\"{}", node.name, name.value,
                                  suggestion(name.value, names_of(node.links))));
  return false;
}

// NAME is to be another link of NODE that carries Ethernet frames.
bool check_ethernet(const Node& node, const Link& link, const Located<std::string>& name, Faults& faults) {
  if (name.value.empty() || !check_reference(node, link, name, faults)) return false;
  if (has_mac(*find_link(node, name.value))) return true;
  faults.add(name.at, fmt::format("{} carries IP packets and no Ethernet frames, name another link", name.value));
  return false;
}

using VlanId = Located<std::uint16_t>;

void check_vlans(const BridgeLink& bridge, const std::optional<VlanId>& vlan, const std::vector<VlanId>& tagged,
                 Faults& faults) {
  if (!vlan && tagged.empty()) return;
  if (!bridge.vlan_filtering) {
    faults.add(vlan ? vlan->at : tagged.front().at,
               "the bridge does not tell VLANs apart, give it vlanFiltering: true");
  }
  std::set<std::uint16_t> seen;
  if (vlan) seen.insert(vlan->value);
  for (const VlanId& id : tagged) {
    if (seen.insert(id.value).second) continue;
    faults.add(id.at, fmt::format("VLAN {} is given twice to one port, remove one", id.value));
  }
}

void check_kind(const Topology&, const Node& node, Link& link, BridgeLink& kind, Faults& faults) {
  check_vlans(kind, kind.vlan, kind.tagged, faults);
  for (const BridgePort& port : kind.ports) {
    check_vlans(kind, port.vlan, port.tagged, faults);
    if (!check_ethernet(node, link, port.link, faults)) continue;
    if (std::holds_alternative<BridgeLink>(find_link(node, port.link.value)->kind)) {
      faults.add(port.link.at,
                 fmt::format("{} is a bridge, and a bridge cannot be a port of another", port.link.value));
    }
  }
}

void check_kind(const Topology&, const Node& node, Link& link, VxlanLink& kind, Faults& faults) {
  if (kind.device) check_reference(node, link, *kind.device, faults);
}

void check_kind(const Topology&, const Node& node, Link& link, MacvlanLink& kind, Faults& faults) {
  check_ethernet(node, link, kind.device, faults);
}

void check_kind(const Topology&, const Node& node, Link& link, VlanLink& kind, Faults& faults) {
  check_ethernet(node, link, kind.device, faults);
}

void check_end_point(const std::optional<Located<IpAddress>>& end, Faults& faults) {
  if (!end || !end->value.is_v6()) return;
  faults.add(end->at, fmt::format("{} is an IPv6 address, and this tunnel's packets are IPv4, give an IPv4 address",
                                  end->value.to_string()));
}

template <class Tunnel>
void check_tunnel(const Node& node, const Link& link, const Tunnel& tunnel, Faults& faults) {
  check_end_point(tunnel.local, faults);
  check_end_point(tunnel.remote, faults);
  if (tunnel.local && tunnel.remote && tunnel.local->value == tunnel.remote->value) {
    faults.add(tunnel.remote->at, "the tunnel's ends have the same address, give remote that of the other node");
  }
  if (tunnel.device) check_reference(node, link, *tunnel.device, faults);
}

void check_kind(const Topology&, const Node& node, Link& link, IpipLink& kind, Faults& faults) {
  check_tunnel(node, link, kind, faults);
  for (const Located<Prefix>& address : link.addresses) {
    if (!address.value.address.is_v6()) continue;
    faults.add(address.at,
               fmt::format("link {} carries IPv4 alone, give it no IPv6 address, or make it of kind gre", link.name));
  }
}

void check_kind(const Topology&, const Node& node, Link& link, GreLink& kind, Faults& faults) {
  check_tunnel(node, link, kind, faults);
}

void check_kind(const Topology&, const Node&, Link&, TunLink&, Faults&) {}

// ---- the links of a node together

// False where links are made of each other in a circle.
bool check_link_cycles(const Node& node, Faults& faults) {
  std::vector<Dependency> links;
  for (const Link& link : node.links) links.push_back({link.name, parts_of(link)});
  std::optional<Cycle> cycle = find_cycle(links);
  if (!cycle) return true;
  if (cycle->closing.value == cycle->name) return false;  // to itself: refused already
  faults.add(cycle->closing.at,
             fmt::format("links of node {} are made of each other in a cycle ({} of {}), remove a reference", node.name,
                         cycle->name, cycle->closing.value));
  return false;
}

void check_ports_once(const Node& node, Faults& faults) {
  std::map<std::string, std::string> bridge_of;
  for (const Link& link : node.links) {
    const auto* bridge = std::get_if<BridgeLink>(&link.kind);
    if (bridge == nullptr) continue;
    for (const BridgePort& port : bridge->ports) {
      auto [other, first] = bridge_of.try_emplace(port.link.value, link.name);
      if (first) continue;
      faults.add(port.link.at,
                 fmt::format("{} is a port of bridge {} already, remove it from one", port.link.value, other->second));
    }
  }
}

// A device hands its frames to one other, a bridge or macvlan's (netdev_rx_handler_register() in net/core/dev.c).
void check_macvlans_on_ports(const Node& node, Faults& faults) {
  std::map<std::string, std::string> bridge_of;
  for (const Link& link : node.links) {
    if (!std::holds_alternative<BridgeLink>(link.kind)) continue;
    for (const Located<std::string>& port : parts_of(link)) bridge_of.try_emplace(port.value, link.name);
  }
  for (const Link& link : node.links) {
    const auto* macvlan = std::get_if<MacvlanLink>(&link.kind);
    auto bridge = macvlan == nullptr ? bridge_of.end() : bridge_of.find(macvlan->device.value);
    if (bridge == bridge_of.end()) continue;
    faults.add(macvlan->device.at, fmt::format("{} is a port of bridge {}, and cannot carry a macvlan, too: make it of "
                                               "the bridge, or remove the port",
                                               macvlan->device.value, bridge->second));
  }
}

// One of mode passthru has its device for itself (macvlan_common_newlink() in drivers/net/macvlan.c).
void check_passthru_alone(const Node& node, Faults& faults) {
  std::map<std::string, const Link*> first_of;
  for (const Link& link : node.links) {
    const auto* macvlan = std::get_if<MacvlanLink>(&link.kind);
    if (macvlan == nullptr) continue;
    auto [first, is_first] = first_of.try_emplace(macvlan->device.value, &link);
    if (is_first) continue;
    const auto& other = std::get<MacvlanLink>(first->second->kind);
    if (macvlan->mode != "passthru" && other.mode != "passthru") continue;
    faults.add(macvlan->device.at, fmt::format("a macvlan of mode passthru has its device for itself, and {} has link "
                                               "{}, too: choose another mode or device",
                                               macvlan->device.value, first->second->name));
  }
}

// Of macvlan_common_newlink() and vlan_dev_change_mtu(): no longer packets than the device below takes.
void check_mtu_below(const Node& node, const Link& link, const Located<std::string>& device, Faults& faults) {
  const Link* below = find_link(node, device.value);
  if (below == nullptr || !link.mtu || *link.mtu <= mtu_of(node, *below)) return;
  faults.add(link.at, fmt::format("link {} has an MTU of {}, and {} below it of {}: make it no larger", link.name,
                                  *link.mtu, device.value, mtu_of(node, *below)));
}

void check_mtus_below(const Node& node, Faults& faults) {
  for (const Link& link : node.links) {
    if (const auto* macvlan = std::get_if<MacvlanLink>(&link.kind)) {
      check_mtu_below(node, link, macvlan->device, faults);
    } else if (const auto* vlan = std::get_if<VlanLink>(&link.kind)) {
      check_mtu_below(node, link, vlan->device, faults);
    }
  }
}

// What tells tunnels of a kind apart (ip_tunnel_find() in net/ipv4/ip_tunnel.c).
struct TunnelIdentity {
  std::string kind;
  std::optional<IpAddress> local, remote;
  std::string device;
  std::optional<std::uint32_t> key;

  auto operator<=>(const TunnelIdentity&) const = default;
};

template <class Tunnel>
TunnelIdentity identity_of(const char* kind, const Tunnel& tunnel) {
  TunnelIdentity identity{kind, {}, {}, "", {}};
  if (tunnel.local) identity.local = tunnel.local->value;
  if (tunnel.remote) identity.remote = tunnel.remote->value;
  if (tunnel.device) identity.device = tunnel.device->value;
  return identity;
}

void check_tunnels_once(const Node& node, Faults& faults) {
  std::map<TunnelIdentity, std::string> seen;
  for (const Link& link : node.links) {
    TunnelIdentity identity;
    if (const auto* ipip = std::get_if<IpipLink>(&link.kind)) {
      identity = identity_of("ipip", *ipip);
    } else if (const auto* gre = std::get_if<GreLink>(&link.kind)) {
      identity = identity_of("gre", *gre);
      identity.key = gre->key;
    } else {
      continue;
    }
    auto [other, first] = seen.try_emplace(std::move(identity), link.name);
    if (first) continue;
    faults.add(link.at, fmt::format("link {} of the node is the same tunnel, give this one another {}", other->second,
                                    std::holds_alternative<GreLink>(link.kind) ? "end or key" : "end"));
  }
}

// The kernel refuses a second one of the same identifier and port (vxlan_vni_in_use() in drivers/net/vxlan).
void check_vxlan_once(const Node& node, Faults& faults) {
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::string> seen;
  for (const Link& link : node.links) {
    const auto* vxlan = std::get_if<VxlanLink>(&link.kind);
    if (vxlan == nullptr || vxlan->vni.value == 0) continue;
    std::uint16_t port = vxlan->port == 0 ? default_vxlan_port : vxlan->port;
    auto [other, first] = seen.try_emplace({vxlan->vni.value, port}, link.name);
    if (first) continue;
    faults.add(vxlan->vni.at, fmt::format("VNI {} is used by link {} of the node, choose another, or another port",
                                          vxlan->vni.value, other->second));
  }
}

// The kernel refuses a second VLAN of the same number on a link (register_vlan_dev() in net/8021q).
void check_vlans_once(const Node& node, Faults& faults) {
  std::map<std::pair<std::string, std::uint16_t>, std::string> seen;
  for (const Link& link : node.links) {
    const auto* vlan = std::get_if<VlanLink>(&link.kind);
    if (vlan == nullptr || vlan->id.value == 0) continue;
    auto [other, first] = seen.try_emplace({vlan->device.value, vlan->id.value}, link.name);
    if (first) continue;
    faults.add(vlan->id.at, fmt::format("VLAN {} of {} is link {} already, choose another number", vlan->id.value,
                                        vlan->device.value, other->second));
  }
}

void check_mac(const Link& link, Faults& faults) {
  if (!link.mac) return;
  if (!has_mac(link)) {
    faults.add(link.mac->at, fmt::format("link {} carries IP packets and has no MAC address, remove it", link.name));
    return;
  }
  const auto& bytes = link.mac->value.bytes();
  std::string shown = link.mac->value.to_string();
  if ((bytes[0] & 1) != 0) {
    faults.add(link.mac->at, fmt::format("{} is a multicast address, make its first byte even: 02", shown));
  } else if (link.mac->value == MacAddress()) {
    faults.add(link.mac->at, fmt::format("{} is no address of a link, choose another", shown));
  }
}

void check_mtu(const Link& link, Faults& faults) {
  if (!link.mtu || *link.mtu >= least_ipv6_mtu) return;
  for (const Located<Prefix>& address : link.addresses) {
    if (!address.value.address.is_v6()) continue;
    faults.add(address.at,
               fmt::format("IPv6 needs an MTU of at least {}, link {} has {}", least_ipv6_mtu, link.name, *link.mtu));
    return;
  }
}

}  // namespace

const Link* find_link(const Node& node, const std::string& name) {
  for (const Link& link : node.links) {
    if (link.name == name) return &link;
  }
  return nullptr;
}

void check_links(Topology& topology, Node& node, Faults& faults) {
  for (Link& link : node.links) {
    std::visit([&](auto& kind) { check_kind(topology, node, link, kind, faults); }, link.kind);
    for (const Located<Prefix>& address : link.addresses) check_address(address, faults);
    check_mac(link, faults);
    check_mtu(link, faults);
  }
  check_ports_once(node, faults);
  check_vxlan_once(node, faults);
  check_vlans_once(node, faults);
  check_macvlans_on_ports(node, faults);
  check_passthru_alone(node, faults);
  check_tunnels_once(node, faults);
  if (check_link_cycles(node, faults)) check_mtus_below(node, faults);
}

namespace {

// Who had it first, and where.
using Holder = std::pair<std::string, unsigned>;

// A virtual IP may stand on several nodes (on dummy devices); one network may not have an address twice.
void check_duplicate_addresses(const Topology& topology, Faults& faults) {
  std::map<std::pair<std::string, IpAddress>, Holder> in_network;
  for (const Node& node : topology.nodes) {
    std::map<IpAddress, unsigned> own;
    for (const Link& link : node.links) {
      const auto* kind = std::get_if<NetworkLink>(&link.kind);
      for (const Located<Prefix>& address : link.addresses) {
        const IpAddress& value = address.value.address;
        auto [mine, first_here] = own.try_emplace(value, address.at.line);
        if (!first_here) {
          faults.add(address.at, fmt::format("node {} has {} already (line {}), choose another", node.name,
                                             value.to_string(), mine->second));
          continue;
        }
        if (kind == nullptr) continue;
        auto [other, first] = in_network.try_emplace({kind->network.value, value}, Holder(node.name, address.at.line));
        if (first) continue;
        faults.add(address.at, fmt::format("{} is taken by node {} (line {}), choose another", value.to_string(),
                                           other->second.first, other->second.second));
      }
    }
  }
}

void check_duplicate_macs(const Topology& topology, Faults& faults) {
  std::map<std::pair<std::string, MacAddress>, Holder> in_network;
  for (const Node& node : topology.nodes) {
    for (const Link& link : node.links) {
      const auto* kind = std::get_if<NetworkLink>(&link.kind);
      if (kind == nullptr || !link.mac) continue;
      auto [other, first] =
          in_network.try_emplace({kind->network.value, link.mac->value}, Holder(node.name, link.mac->at.line));
      if (first) continue;
      faults.add(link.mac->at, fmt::format("{} is taken by node {} (line {}), choose another",
                                           link.mac->value.to_string(), other->second.first, other->second.second));
    }
  }
}

}  // namespace

void check_duplicates(const Topology& topology, Faults& faults) {
  check_duplicate_addresses(topology, faults);
  check_duplicate_macs(topology, faults);
}

}  // namespace topology
