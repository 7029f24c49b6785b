#include "labctl/plan/identity.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include "lib/netlink/rule.h"

namespace plan {
namespace {

std::string link(const InterfaceName& name) {
  return "link " + full_name(name);
}

struct ObjectOf {
  std::string operator()(const CreateNode&) const { return "node"; }
  std::string operator()(const CreateBridge& it) const {
    return it.node.empty() ? "network " + full_name(it.name) : link(it.name);
  }
  std::string operator()(const CreateCable& it) const { return link(it.name); }
  std::string operator()(const CreateDummy& it) const { return link(it.name); }
  std::string operator()(const CreateWire& it) const { return link(it.name); }
  std::string operator()(const CreateVxlan& it) const { return link(it.name); }
  std::string operator()(const CreateMacvlan& it) const { return link(it.name); }
  std::string operator()(const CreateVlan& it) const { return link(it.name); }
  std::string operator()(const CreateTunnel& it) const { return link(it.name); }
  std::string operator()(const CreateTun& it) const { return link(it.name); }
  std::string operator()(const SetImpairment& it) const { return "impairment of link " + it.link; }
  std::string operator()(const AddAddress& it) const {
    return fmt::format("address {} on {}", it.address.to_string(), it.link);
  }
  std::string operator()(const SetUp& it) const { return fmt::format("link {} up", it.link); }
  // As the kernel tells routes of a table apart (net/ipv4/fib_trie.c: fib_find_alias()).
  std::string operator()(const AddRoute& it) const {
    std::string metric = it.metric ? fmt::format(" metric {}", *it.metric) : "";
    std::string table = it.table ? fmt::format(" table {}", *it.table) : "";
    return "route " + it.destination.to_string() + metric + table;
  }
  std::string operator()(const AddRule& it) const {
    return fmt::format("rule{} {}", it.rule.family == AF_INET6 ? " for IPv6" : "", netlink::rule_words(it.rule));
  }
  std::string operator()(const SetSysctl& it) const { return "sysctl " + it.name; }
  std::string operator()(const AddIpvsService& it) const {
    return fmt::format("virtual service {}://{}", it.service.protocol,
                       netlink::endpoint_text(it.service.address, it.service.port));
  }
  std::string operator()(const LoadRuleset& it) const { return "ruleset of " + it.kind; }
};

// Links are built anew with their node: others may be made of them, and their addresses and routes would go with them.
struct ChangesInPlace {
  bool operator()(const CreateNode&) const { return true; }                  // IPv6 on or off
  bool operator()(const CreateBridge& it) const { return it.node.empty(); }  // a network's MTU
  bool operator()(const CreateCable&) const { return false; }
  bool operator()(const CreateDummy&) const { return false; }
  bool operator()(const CreateVxlan&) const { return false; }
  bool operator()(const AddAddress&) const { return false; }  // it is all identity
  bool operator()(const SetUp&) const { return true; }
  bool operator()(const AddRoute&) const { return true; }
  bool operator()(const SetSysctl&) const { return true; }
  bool operator()(const AddIpvsService&) const { return true; }
  bool operator()(const CreateWire&) const { return false; }
  bool operator()(const CreateMacvlan&) const { return false; }
  bool operator()(const CreateVlan&) const { return false; }
  bool operator()(const CreateTunnel&) const { return false; }
  bool operator()(const CreateTun&) const { return false; }
  bool operator()(const SetImpairment&) const { return true; }
  bool operator()(const AddRule&) const { return false; }
  // What a text adds to the rules that are there already, only its author knows.
  bool operator()(const LoadRuleset&) const { return false; }
};

}  // namespace

const std::string& full_name(const InterfaceName& name) {
  return name.alternative.empty() ? name.name : name.alternative;
}

std::string object_of(const Operation& operation) {
  return std::visit(ObjectOf{}, operation);
}

std::string identity_of(const Operation& operation) {
  const std::string& node = node_of(operation);
  if (std::holds_alternative<CreateNode>(operation)) return "node " + node;
  return node.empty() ? object_of(operation) : node + ": " + object_of(operation);
}

std::string identity_of(const Process& process) {
  return "process " + process.full_name();
}

bool is_implied(const Operation& operation) {
  return std::holds_alternative<SetUp>(operation);
}

bool changes_in_place(const Operation& before, const Operation& after) {
  return before.index() == after.index() && std::visit(ChangesInPlace{}, after);
}

bool is_removed_in_place(const Operation& operation) {
  return !std::holds_alternative<LoadRuleset>(operation);
}

bool may_go_with_another(const Operation& operation) {
  return std::holds_alternative<AddAddress>(operation) || std::holds_alternative<AddRoute>(operation);
}

}  // namespace plan
