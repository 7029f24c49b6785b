// A partition is made in the switch. Each group of a network's ports gets a bridge of its own, which is joined to the
// network's by a cable; the ends of these cables in the network's bridge are isolated from one another, but not from
// the ports that are left there. So groups do not reach one another, all reach whoever is in none, and within a group
// everything goes on. Nodes see nothing of it: their cables stay as they are. A point-to-point network has no switch:
// its cable is taken down where it leads from one group to another.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "labctl/plan/identity.h"
#include "labctl/supervisor/effects.h"
#include "labctl/supervisor/lab.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"

namespace supervisor {
namespace {

// One group's part of one network.
class Segment {
 public:
  // What was made of it goes again where the rest cannot be made: the destructor runs once the other constructor has.
  Segment(netlink::Socket& socket, const std::string& network, size_t number)
      : Segment(socket, network, fmt::format("{:x}.{}", netlink::stable_hash(network) & 0xffffff, number)) {
    netlink::LinkInfo network_bridge = netlink::get_link(socket_, network_);
    netlink::NewLink bridge;
    bridge.name = bridge_;
    bridge.mac = netlink::MacAddress::derived_from("partition/" + bridge_);
    bridge.mtu = network_bridge.mtu;
    bridge.up = true;
    netlink::create_bridge(socket_, bridge);
    netlink::NewLink near, far;
    near.name = inner_;
    far.name = outer_;
    near.mtu = far.mtu = network_bridge.mtu;
    near.master = netlink::get_link(socket_, bridge_).index;
    near.up = true;
    netlink::create_veth(socket_, near, far, netlink::current_network_namespace());
    netlink::set_link_master(socket_, outer_, network_bridge.index);
    netlink::set_bridge_port_isolated(socket_, outer_, true);
    netlink::set_link_up(socket_, outer_);
  }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  ~Segment() {
    try {
      for (const std::string& port : ports_) move(port, network_);
      for (const std::string& link : {inner_, bridge_}) {
        if (netlink::find_link(socket_, link)) netlink::delete_link(socket_, link);
      }
    } catch (const base::Error&) {
      // Nobody is left to be told; what could not be taken away goes with the lab.
    }
  }

  void take(const std::string& port) {
    move(port, bridge_);
    ports_.insert(port);
  }

 private:
  // No name of the topology begins with a dot.
  Segment(netlink::Socket& socket, std::string network, const std::string& name)
      : socket_(socket),
        network_(std::move(network)),
        bridge_(".part" + name),
        inner_(".in" + name),
        outer_(".out" + name) {}

  // One that is gone has gone with its node.
  void move(const std::string& port, const std::string& bridge) {
    if (!netlink::find_link(socket_, port)) return;
    netlink::set_link_master(socket_, port, netlink::get_link(socket_, bridge).index);
  }

  netlink::Socket& socket_;
  std::string network_, bridge_, inner_, outer_;
  std::set<std::string> ports_;
};

class Parted : public Effect {
 public:
  Parted(Lab& lab, netlink::Socket& socket, const topology::Partition& partition)
      : lab_(lab), socket_(socket), partition_(partition) {
    for (size_t group = 0; group < partition_.groups.size(); ++group) {
      for (const auto& node : partition_.groups[group]) take(node.value, group);
    }
    cut_wires();
  }
  void heal(Done done) override {
    segments_.clear();
    std::string failures;
    for (auto& [link, wire] : wires_) {
      try {
        if (!wire->over()) wire->heal([](const std::string&) {});
      } catch (const base::Error& error) {
        failures += (failures.empty() ? "" : "; ") + std::string(error.what());
      }
    }
    wires_.clear();
    done(failures);
  }
  bool over() override { return false; }
  void node_rebuilt(const std::string& node) override {
    for (size_t group = 0; group < partition_.groups.size(); ++group) {
      for (const auto& its : partition_.groups[group]) {
        if (its.value == node) take(node, group);
      }
    }
    // Its new ends are up.
    std::erase_if(wires_, [](auto& it) { return it.second->over(); });
    cut_wires();
  }

 private:
  bool is_cut(const plan::InterfaceName& network) const { return is_cut(plan::full_name(network)); }
  bool is_cut(const std::string& name) const {
    return partition_.networks.empty() || std::any_of(partition_.networks.begin(), partition_.networks.end(),
                                                      [&](const auto& it) { return it.value == name; });
  }

  void take(const std::string& node, size_t group) {
    for (const plan::CreateCable& cable : lab_.cables_of(node)) {
      if (!is_cut(cable.bridge)) continue;
      auto& segment = segments_[{cable.bridge.name, group}];
      if (!segment) segment = std::make_unique<Segment>(socket_, cable.bridge.name, group);
      segment->take(cable.switch_end.name);
    }
  }

  std::optional<size_t> group_of(const std::string& node) const {
    for (size_t group = 0; group < partition_.groups.size(); ++group) {
      for (const auto& its : partition_.groups[group]) {
        if (its.value == node) return group;
      }
    }
    return std::nullopt;
  }

  // What is down already parts its groups as it is; that of a killed node is cut when the node is built anew.
  bool is_up(const plan::CreateWire& wire) const {
    std::shared_ptr<Node> node = lab_.find_node(wire.node);
    if (!node || node->killed()) return false;
    std::optional<netlink::LinkInfo> link = netlink::find_link(node->socket(), wire.name.name);
    return link && link->up;
  }

  void cut_wires() {
    for (const plan::Operation& operation : lab_.plan().operations) {
      const auto* wire = std::get_if<plan::CreateWire>(&operation);
      if (wire == nullptr || !is_cut(wire->network)) continue;
      std::optional<size_t> near = group_of(wire->node), far = group_of(wire->peer_node);
      if (!near || !far || near == far) continue;
      std::string link = wire->node + ":" + wire->name.name;
      if (wires_.count(link) == 0 && is_up(*wire)) wires_[link] = take_down(lab_, socket_, link);
    }
  }

  Lab& lab_;
  netlink::Socket& socket_;
  topology::Partition partition_;
  std::map<std::string, std::unique_ptr<Effect>> wires_;                         // by the end that is down
  std::map<std::pair<std::string, size_t>, std::unique_ptr<Segment>> segments_;  // by network and group
};

bool has_network(const plan::Plan& plan, const std::string& name) {
  return std::any_of(plan.operations.begin(), plan.operations.end(), [&](const plan::Operation& operation) {
    const auto* wire = std::get_if<plan::CreateWire>(&operation);
    if (wire != nullptr) return wire->network == name;
    const auto* bridge = std::get_if<plan::CreateBridge>(&operation);
    return bridge != nullptr && bridge->node.empty() && plan::full_name(bridge->name) == name;
  });
}

}  // namespace

std::unique_ptr<Effect> part(Lab& lab, netlink::Socket& switch_socket, const topology::Partition& partition) {
  std::set<std::string> grouped;
  for (const auto& group : partition.groups) {
    for (const auto& node : group) {
      if (grouped.insert(node.value).second) continue;
      throw base::Error("partition: node " + node.value + " is named twice, but a node is in one group");
    }
  }
  for (const auto& network : partition.networks) {
    if (!has_network(lab.plan(), network.value)) {
      throw base::Error(fmt::format("no network \"{}\" in this lab", network.value));
    }
  }
  for (const auto& group : partition.groups) {
    bool any = false;
    for (const auto& node : group) {
      if (!lab.find_node(node.value)) throw base::Error(fmt::format("no node \"{}\" in this lab", node.value));
      any = any || !lab.cables_of(node.value).empty() || !lab.plan().wires_of(node.value).empty();
    }
    if (!any) throw base::Error("partition: a group has no cable to any network");
  }
  return std::make_unique<Parted>(lab, switch_socket, partition);
}

}  // namespace supervisor
