// From the plan to the kernel.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "labctl/plan/plan.h"
#include "labctl/supervisor/node.h"

namespace supervisor {

using Nodes = std::map<std::string, std::shared_ptr<Node>>;

// Executes operations. The switch is the namespace that the supervisor itself is in.
class Applier {
 public:
  // NAMES is what every node is told of the others.
  Applier(Nodes& nodes, Reaper& reaper, Names names);

  // Throws base::Error naming node, object, and the kernel's words.
  void apply(const plan::Operation& operation);

  void operator()(const plan::CreateNode& it);
  void operator()(const plan::CreateBridge& it);
  void operator()(const plan::CreateCable& it);
  void operator()(const plan::CreateDummy& it);
  void operator()(const plan::CreateVxlan& it);
  void operator()(const plan::AddAddress& it);
  void operator()(const plan::SetUp& it);
  void operator()(const plan::AddRoute& it);
  void operator()(const plan::SetSysctl& it);
  void operator()(const plan::AddIpvsService& it);

  // What comes and goes at a node's cables no longer does, as if it were switched off.
  void disconnect(const plan::CreateCable& it);
  // Takes the cable away, so that it can be made anew.
  void remove(const plan::CreateCable& it);

 private:
  Node& node(const std::string& name);
  netlink::Socket& socket_of(const std::string& node);
  std::uint32_t bridge_index(const std::string& bridge);

  Nodes& nodes_;
  Reaper& reaper_;
  Names names_;
  netlink::Socket switch_;
  std::map<std::string, std::uint32_t> bridges_;
};

}  // namespace supervisor
