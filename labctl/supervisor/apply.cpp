#include "labctl/supervisor/apply.h"

#include "labctl/supervisor/ipvs.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/dummy.h"
#include "lib/netlink/links/gre.h"
#include "lib/netlink/links/ipip.h"
#include "lib/netlink/links/macvlan.h"
#include "lib/netlink/links/tun.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/links/vlan.h"
#include "lib/netlink/links/vxlan.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/qdisc.h"
#include "lib/netlink/route.h"
#include "lib/netlink/rule.h"

namespace supervisor {
namespace {

netlink::NewLink new_link(const plan::InterfaceName& name, const std::optional<std::uint32_t>& mtu) {
  netlink::NewLink link;
  link.name = name.name;
  link.alternative_name = name.alternative;
  link.mtu = mtu;
  return link;
}

netlink::MacvlanMode macvlan_mode(const std::string& word) {
  if (word == "private") return netlink::MacvlanMode::private_mode;
  if (word == "vepa") return netlink::MacvlanMode::vepa;
  return word == "passthru" ? netlink::MacvlanMode::passthru : netlink::MacvlanMode::bridge;
}

netlink::RouteType route_type(const std::string& word) {
  for (auto type : {netlink::RouteType::blackhole, netlink::RouteType::unreachable, netlink::RouteType::prohibit}) {
    if (word == netlink::route_type_word(type)) return type;
  }
  return netlink::RouteType::unicast;
}

// Of the two ends of IT, the one in NODE.
netlink::NewLink end_of(const plan::CreateWire& it, const std::string& node) {
  bool near = node == it.node;
  netlink::NewLink link = new_link(near ? it.name : it.peer_name, near ? it.mtu : it.peer_mtu);
  link.mac = near ? it.mac : it.peer_mac;
  return link;
}

// The kernel leaves what lies on a link that is moved where it is, with its MAC address or number, of which the link
// can have one only (macvlan_device_event(), vlan_device_event()).
void clear_links_on_others(Node& before) {
  for (const netlink::LinkInfo& link : netlink::list_links(before.socket())) {
    if (link.kind == "macvlan" || link.kind == "vlan") netlink::delete_link(before.socket(), link.name);
  }
}

}  // namespace

netlink::Route route_of(const plan::AddRoute& it) {
  return {it.destination, it.via, it.device, it.source, it.onlink, it.metric, route_type(it.type), it.table, it.mtu};
}

Applier::Applier(Nodes& nodes, Reaper& reaper, Names names) : nodes_(nodes), reaper_(reaper), names_(std::move(names)) {
  // The switch has no addresses: no neighbour discovery of its own, and no rules for what it only forwards.
  if (netlink::has_sysctl("net.ipv6.conf.all.disable_ipv6")) {
    netlink::write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
    netlink::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
  }
  for (const char* name : {"net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables",
                           "net.bridge.bridge-nf-call-arptables"}) {
    if (netlink::has_sysctl(name)) netlink::write_sysctl(name, "0");
  }
}

void Applier::apply(const plan::Operation& operation) {
  const std::string& name = plan::node_of(operation);
  if (name.empty() || std::holds_alternative<plan::CreateNode>(operation)) return std::visit(*this, operation);
  base::in_context("node " + name, [&] { std::visit(*this, operation); });
}

void Applier::apply_unless_there(const plan::Operation& operation) {
  try {
    apply(operation);
  } catch (const base::Error& error) {
    if (error.error_number() != EEXIST) throw;
  }
}

Node& Applier::node(const std::string& name) {
  auto found = nodes_.find(name);
  if (found == nodes_.end()) throw base::Error("no such node");
  return *found->second;
}

netlink::Socket& Applier::socket_of(const std::string& name) {
  return name.empty() ? switch_ : node(name).socket();
}

std::uint32_t Applier::bridge_index(const std::string& bridge) {
  auto found = bridges_.find(bridge);
  if (found == bridges_.end()) found = bridges_.emplace(bridge, netlink::get_link(switch_, bridge).index).first;
  return found->second;
}

void Applier::operator()(const plan::CreateNode& it) {
  auto created = std::make_shared<Node>(reaper_, it.node, it.node, Node::Kind::node, names_);
  if (!it.ipv6) {
    netlink::in_namespace(created->network(), [] {
      if (!netlink::has_sysctl("net.ipv6.conf.all.disable_ipv6")) return;
      netlink::write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
      netlink::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
    });
  }
  netlink::set_link_up(created->socket(), "lo");
  nodes_[it.node] = std::move(created);
  auto is_of_node = [&](const auto& known) { return known.first.first == it.node; };
  std::erase_if(sysctls_before_, is_of_node);
  std::erase_if(rule_priorities_, is_of_node);
}

void Applier::operator()(const plan::CreateBridge& it) {
  netlink::Socket& socket = socket_of(it.node);
  netlink::NewLink link = new_link(it.name, it.mtu);
  link.mac = it.mac;
  link.up = it.node.empty();
  netlink::create_bridge(socket, link, it.vlan_filtering ? netlink::VlanFiltering::on : netlink::VlanFiltering::off);
  auto set_vlans = [&](const std::string& name, const plan::PortVlans& vlans, netlink::VlansOf whose) {
    if (!vlans.empty()) netlink::set_port_vlans(socket, name, {vlans.untagged, vlans.tagged}, whose);
  };
  set_vlans(it.name.name, it.vlans, netlink::VlansOf::bridge);
  if (it.ports.empty()) return;
  std::uint32_t index = netlink::get_link(socket, it.name.name).index;
  for (const plan::BridgePort& port : it.ports) {
    netlink::set_link_master(socket, port.name.name, index);
    netlink::set_link_up(socket, port.name.name);
    set_vlans(port.name.name, port.vlans, netlink::VlansOf::port);
  }
}

void Applier::operator()(const plan::CreateCable& it) {
  netlink::NewLink near = new_link(it.switch_end, it.mtu);
  near.mac = it.switch_mac;
  near.master = bridge_index(it.bridge.name);
  near.up = true;
  netlink::NewLink far = new_link(it.name, it.mtu);
  far.mac = it.mac;
  netlink::create_veth(switch_, near, far, node(it.node).network());
  if (!far.alternative_name.empty()) {
    netlink::add_alternative_name(socket_of(it.node), far.name, far.alternative_name);
  }
}

void Applier::disconnect(const plan::CreateCable& it) {
  if (netlink::find_link(switch_, it.switch_end.name)) netlink::set_link_up(switch_, it.switch_end.name, false);
}

void Applier::remove(const plan::CreateCable& it) {
  if (netlink::find_link(switch_, it.switch_end.name)) netlink::delete_link(switch_, it.switch_end.name);
}

void Applier::operator()(const plan::CreateWire& it) {
  netlink::NewLink near = new_link(it.name, it.mtu), far = new_link(it.peer_name, it.peer_mtu);
  near.mac = it.mac;
  far.mac = it.peer_mac;
  netlink::create_veth(socket_of(it.node), near, far, node(it.peer_node).network());
  if (!far.alternative_name.empty()) {
    netlink::add_alternative_name(socket_of(it.peer_node), far.name, far.alternative_name);
  }
}

void Applier::disconnect(const plan::CreateWire& it, const std::string& name) {
  std::string end = end_of(it, name).name;
  if (netlink::find_link(socket_of(name), end)) netlink::set_link_up(socket_of(name), end, false);
}

bool Applier::reconnect(const plan::CreateWire& it, Node& before) {
  return base::in_context("node " + before.name(), [&] {
    const std::string& peer = before.name() == it.node ? it.peer_node : it.node;
    netlink::NewLink own = end_of(it, before.name()), far = end_of(it, peer);
    clear_links_on_others(before);
    bool has_own = netlink::find_link(before.socket(), own.name).has_value();
    bool has_far = netlink::find_link(socket_of(peer), far.name).has_value();
    if (has_own && has_far) {
      netlink::move_link(before.socket(), own, node(before.name()).network());
      return false;
    }
    // With either end the other goes, whatever its name is.
    if (has_own) netlink::delete_link(before.socket(), own.name);
    if (has_far) netlink::delete_link(socket_of(peer), far.name);
    (*this)(it);
    return true;
  });
}

void Applier::operator()(const plan::CreateDummy& it) {
  netlink::NewLink link = new_link(it.name, it.mtu);
  link.mac = it.mac;
  netlink::create_dummy(socket_of(it.node), link);
}

void Applier::operator()(const plan::CreateVxlan& it) {
  netlink::Socket& socket = socket_of(it.node);
  netlink::NewLink link = new_link(it.name, it.mtu);
  link.mac = it.mac;
  netlink::Vxlan vxlan{it.vni, it.port, it.local, std::nullopt, it.learning};
  if (!it.device.empty()) vxlan.device = netlink::get_link(socket, it.device).index;
  netlink::create_vxlan(socket, link, vxlan);
}

void Applier::operator()(const plan::CreateMacvlan& it) {
  netlink::Socket& socket = socket_of(it.node);
  netlink::NewLink link = new_link(it.name, it.mtu);
  link.mac = it.mac;
  netlink::create_macvlan(socket, link, netlink::get_link(socket, it.device).index, macvlan_mode(it.mode));
}

void Applier::operator()(const plan::CreateVlan& it) {
  netlink::Socket& socket = socket_of(it.node);
  netlink::NewLink link = new_link(it.name, it.mtu);
  link.mac = it.mac;
  netlink::create_vlan(socket, link, netlink::get_link(socket, it.device).index, it.id);
}

void Applier::operator()(const plan::CreateTunnel& it) {
  netlink::Socket& socket = socket_of(it.node);
  netlink::NewLink link = new_link(it.name, it.mtu);
  std::optional<std::uint32_t> device;
  if (!it.device.empty()) device = netlink::get_link(socket, it.device).index;
  if (it.kind == "gre") {
    netlink::create_gre(socket, link, {it.local, it.remote, device, it.ttl, it.key});
  } else {
    netlink::create_ipip(socket, link, {it.local, it.remote, device, it.ttl});
  }
}

void Applier::operator()(const plan::CreateTun& it) {
  netlink::NewLink link = new_link(it.name, it.mtu);
  link.mac = it.mac;
  netlink::create_tun(node(it.node).network(), link, it.mac ? netlink::TunMode::tap : netlink::TunMode::tun);
}

void Applier::operator()(const plan::SetImpairment& it) {
  netlink::set_impairment(socket_of(it.node), it.link, it.impairment);
}

void Applier::operator()(const plan::AddAddress& it) {
  netlink::add_address(socket_of(it.node), it.link, it.address);
}

void Applier::operator()(const plan::SetUp& it) {
  netlink::set_link_up(socket_of(it.node), it.link);
}

void Applier::operator()(const plan::AddRoute& it) {
  netlink::add_route(socket_of(it.node), route_of(it));
}

void Applier::operator()(const plan::AddRule& it) {
  std::uint32_t priority = netlink::add_rule(socket_of(it.node), it.rule);
  rule_priorities_[{it.node, netlink::rule_words(it.rule)}] = priority;
}

void Applier::operator()(const plan::SetSysctl& it) {
  netlink::in_namespace(node(it.node).network(), [&] {
    remember_sysctl(it.node, it.name);
    netlink::write_sysctl(it.name, it.value);
  });
}

void Applier::remember_sysctl(const std::string& node, const std::string& name) {
  if (sysctls_before_.contains({node, name})) return;
  try {
    sysctls_before_[{node, name}] = netlink::read_sysctl(name);
  } catch (const base::Error&) {
    // Some can only be written: there is nothing to go back to.
  }
}

void Applier::operator()(const plan::AddIpvsService& it) {
  add_ipvs_service(node(it.node).network(), it.service);
}

}  // namespace supervisor
