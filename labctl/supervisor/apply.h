// From the plan to the kernel.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "labctl/plan/plan.h"
#include "labctl/supervisor/node.h"
#include "lib/netlink/route.h"

namespace supervisor {

using Nodes = std::map<std::string, std::shared_ptr<Node>>;

netlink::Route route_of(const plan::AddRoute& it);

// Executes operations. The switch is the namespace that the supervisor itself is in.
class Applier {
 public:
  // NAMES is what every node is told of the others.
  Applier(Nodes& nodes, Reaper& reaper, Names names);

  // Throws base::Error naming node, object, and the kernel's words.
  void apply(const plan::Operation& operation);
  void apply_unless_there(const plan::Operation& operation);
  // Takes away what it made. No error where it is gone already.
  void undo(const plan::Operation& operation);
  // From BEFORE to AFTER, of the same identity (plan/identity.h), without touching what uses it.
  void change(const plan::Operation& before, const plan::Operation& after);
  // The names that nodes know, those that run included.
  void set_hosts(const Hosts& hosts);

  void operator()(const plan::CreateNode& it);
  void operator()(const plan::CreateBridge& it);
  void operator()(const plan::CreateCable& it);
  void operator()(const plan::CreateWire& it);
  void operator()(const plan::CreateDummy& it);
  void operator()(const plan::CreateVxlan& it);
  void operator()(const plan::CreateMacvlan& it);
  void operator()(const plan::CreateVlan& it);
  void operator()(const plan::CreateTunnel& it);
  void operator()(const plan::CreateTun& it);
  void operator()(const plan::SetImpairment& it);
  void operator()(const plan::AddAddress& it);
  void operator()(const plan::SetUp& it);
  void operator()(const plan::AddRoute& it);
  void operator()(const plan::AddRule& it);
  void operator()(const plan::SetSysctl& it);
  void operator()(const plan::AddIpvsService& it);
  void operator()(const plan::LoadRuleset&) {}  // takes its time: see rulesets.h

  // What comes and goes at a node's cables no longer does, as if it were switched off. A program of the node may have
  // taken them away.
  void disconnect(const plan::CreateCable& it);
  // The same for NODE's end of a wire.
  void disconnect(const plan::CreateWire& it, const std::string& node);
  // Takes the cable away, so that it can be made anew.
  void remove(const plan::CreateCable& it);
  // Gives the end of a wire that BEFORE had to the node that stands in its place. The other end keeps its addresses,
  // routes, and whatever lies on it. Where a node's program has taken the wire away or renamed it, it is made anew, and
  // true returned.
  bool reconnect(const plan::CreateWire& it, Node& before);

 private:
  struct Undo;
  struct ChangeInPlace;
  Node& node(const std::string& name);
  netlink::Socket& socket_of(const std::string& node);
  void remember_sysctl(const std::string& node, const std::string& name);
  std::uint32_t bridge_index(const std::string& bridge);

  Nodes& nodes_;
  Reaper& reaper_;
  Names names_;
  netlink::Socket switch_;
  std::map<std::string, std::uint32_t> bridges_;
  // By node and words; also where the kernel has chosen it.
  std::map<std::pair<std::string, std::string>, std::uint32_t> rule_priorities_;
  std::map<std::pair<std::string, std::string>, std::string> sysctls_before_;  // node and name: its value before ours
};

}  // namespace supervisor
