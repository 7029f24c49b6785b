// Operations taken back, and changed in place.
#include "labctl/plan/identity.h"
#include "labctl/supervisor/apply.h"
#include "labctl/supervisor/ipvs.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/qdisc.h"
#include "lib/netlink/route.h"
#include "lib/netlink/rule.h"

namespace supervisor {
namespace {

constexpr std::uint32_t default_mtu = 1500;  // include/uapi/linux/if_ether.h: ETH_DATA_LEN

// What is gone already went with something else, as routes go with the address that they start from.
void unless_gone(const std::function<void()>& remove) {
  try {
    remove();
  } catch (const base::Error& error) {
    for (int absent : {ENODEV, EADDRNOTAVAIL, ESRCH, ENOENT}) {
      if (error.error_number() == absent) return;
    }
    throw;
  }
}

void refuse(const plan::Operation& operation) {
  throw base::Error(plan::object_of(operation) + " is changed by building its node anew");
}

}  // namespace

struct Applier::Undo {
  Applier& applier;

  void operator()(const plan::CreateNode& it) const { applier.nodes_.erase(it.node); }
  void operator()(const plan::CreateBridge& it) const {
    if (it.node.empty()) applier.bridges_.erase(it.name.name);
    remove_link(it.node, it.name);
  }
  void operator()(const plan::CreateCable& it) const { applier.remove(it); }
  void operator()(const plan::CreateDummy& it) const { remove_link(it.node, it.name); }
  // With either end the other goes, too; a node that is gone has taken both.
  void operator()(const plan::CreateWire& it) const {
    if (applier.nodes_.contains(it.node)) return remove_link(it.node, it.name);
    if (applier.nodes_.contains(it.peer_node)) remove_link(it.peer_node, it.peer_name);
  }
  void operator()(const plan::CreateVxlan& it) const { remove_link(it.node, it.name); }
  void operator()(const plan::CreateMacvlan& it) const { remove_link(it.node, it.name); }
  void operator()(const plan::CreateVlan& it) const { remove_link(it.node, it.name); }
  void operator()(const plan::CreateTunnel& it) const { remove_link(it.node, it.name); }
  void operator()(const plan::CreateTun& it) const { remove_link(it.node, it.name); }
  void operator()(const plan::SetImpairment& it) const {
    unless_gone([&] { netlink::clear_impairment(applier.socket_of(it.node), it.link); });
  }
  void operator()(const plan::AddRule& it) const {
    netlink::Rule rule = it.rule;
    auto known = applier.rule_priorities_.find({it.node, netlink::rule_words(rule)});
    if (known != applier.rule_priorities_.end()) rule.priority = known->second;
    unless_gone([&] { netlink::delete_rule(applier.socket_of(it.node), rule); });
  }
  void operator()(const plan::LoadRuleset& it) const { refuse(it); }
  void operator()(const plan::AddAddress& it) const {
    unless_gone([&] { netlink::delete_address(applier.socket_of(it.node), it.link, it.address); });
  }
  void operator()(const plan::SetUp&) const {}  // it goes down with its link
  void operator()(const plan::AddRoute& it) const {
    unless_gone([&] { netlink::delete_route(applier.socket_of(it.node), route_of(it)); });
  }
  void operator()(const plan::SetSysctl& it) const {
    auto before = applier.sysctls_before_.find({it.node, it.name});
    if (before == applier.sysctls_before_.end()) throw base::Error("what " + it.name + " was before is not known");
    netlink::in_namespace(applier.node(it.node).network(), [&] { netlink::write_sysctl(it.name, before->second); });
    applier.sysctls_before_.erase(before);
  }
  void operator()(const plan::AddIpvsService& it) const {
    unless_gone([&] { remove_ipvs_service(applier.node(it.node).network(), it.service); });
  }

 private:
  void remove_link(const std::string& node, const plan::InterfaceName& name) const {
    unless_gone([&] { netlink::delete_link(applier.socket_of(node), name.name); });
  }
};

// What changes_in_place() (plan/identity.h) says can be changed so.
struct Applier::ChangeInPlace {
  Applier& applier;
  const plan::Operation& before;

  void operator()(const plan::CreateNode& it) const {
    netlink::in_namespace(applier.node(it.node).network(), [&] {
      for (const char* name : {"net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"}) {
        if (netlink::has_sysctl(name)) netlink::write_sysctl(name, it.ipv6 ? "0" : "1");
      }
    });
  }
  void operator()(const plan::CreateBridge& it) const {
    netlink::set_link_mtu(applier.socket_of(it.node), it.name.name, it.mtu.value_or(default_mtu));
  }
  void operator()(const plan::CreateCable& it) const { refuse(it); }
  void operator()(const plan::CreateDummy& it) const { refuse(it); }
  void operator()(const plan::CreateWire& it) const { refuse(it); }
  void operator()(const plan::CreateVxlan& it) const { refuse(it); }
  void operator()(const plan::CreateMacvlan& it) const { refuse(it); }
  void operator()(const plan::CreateVlan& it) const { refuse(it); }
  void operator()(const plan::CreateTunnel& it) const { refuse(it); }
  void operator()(const plan::CreateTun& it) const { refuse(it); }
  void operator()(const plan::SetImpairment& it) const { applier(it); }
  void operator()(const plan::AddRule& it) const { refuse(it); }
  void operator()(const plan::LoadRuleset& it) const { refuse(it); }
  void operator()(const plan::AddAddress& it) const { refuse(it); }
  void operator()(const plan::SetUp& it) const { applier(it); }
  void operator()(const plan::AddRoute& it) const { netlink::replace_route(applier.socket_of(it.node), route_of(it)); }
  void operator()(const plan::SetSysctl& it) const { applier(it); }
  void operator()(const plan::AddIpvsService& it) const {
    change_ipvs_service(applier.node(it.node).network(), std::get<plan::AddIpvsService>(before).service, it.service);
  }
};

void Applier::undo(const plan::Operation& operation) {
  base::in_context("remove " + plan::identity_of(operation), [&] { std::visit(Undo{*this}, operation); });
}

void Applier::change(const plan::Operation& before, const plan::Operation& after) {
  base::in_context("change " + plan::identity_of(after), [&] { std::visit(ChangeInPlace{*this, before}, after); });
}

void Applier::set_hosts(const Hosts& hosts) {
  names_.hosts = hosts;
  for (auto& [name, node] : nodes_) {
    if (node->kind() == Node::Kind::node) node->set_hosts(hosts);
  }
}

}  // namespace supervisor
