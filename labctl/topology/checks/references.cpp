#include "labctl/topology/references.h"

#include <fmt/format.h>

#include "labctl/topology/checks/checks.h"
#include "lib/base/error.h"

namespace topology {
namespace {

class ReferenceChecker {
 public:
  ReferenceChecker(const Topology& topology, const Step& step, Faults& faults)
      : topology_(topology), step_(step), faults_(faults) {}

  void operator()(const Expect& expect) { std::visit(*this, expect.what); }

  void operator()(const Reach& reach) {
    check(reach.from);
    check(reach.target);
    if (reach.body) check(*reach.body);
    if (reach.sees) check(*reach.sees);
    for (const std::string& server : reach.answered_by) check(server);
    for (const Located<std::string>& node : reach.answered_on) check(node);
    for (const auto& [server, count] : reach.answers) check(server);
  }
  void operator()(const CommandOutcome& outcome) {
    check(outcome.on);
    check(outcome.command, TextKind::command_line);
    if (outcome.prints) check(*outcome.prints, TextKind::command_line);
  }
  void operator()(const IpvsTable& table) {
    check(table.on);
    check(table.service);
    for (const std::string& server : table.servers.value_or(std::vector<std::string>())) check(server);
  }
  void operator()(const IpsetMembers& set) {
    check(set.on);
    for (const std::string& member : set.contains) check(member);
  }
  void operator()(const ConntrackEntry& entry) {
    check(entry.on);
    for (const std::string& field : entry.fields) check(field);
  }
  void operator()(const RuleCounter& rule) {
    check(rule.on);
    check(rule.rule);
  }
  void operator()(const ProcessStatus&) {}
  void operator()(const DnsAnswer& answer) {
    check(answer.from);
    check(answer.name);
    if (answer.server) check(*answer.server);
    for (const std::string& record : answer.records.value_or(std::vector<std::string>())) check(record);
    for (const std::string& record : answer.contains) check(record);
  }
  void operator()(const CapturedPackets& packets) {
    check(packets.on);
    check(packets.filter);
  }
  void operator()(const RouteEntry& route) {
    check(route.on);
    for (const std::string& word : route.words) check(word);
  }
  void operator()(const NeighbourEntry& neighbour) {
    check(neighbour.on);
    check(neighbour.address);
  }
  void operator()(const ForwardingEntry& entry) {
    check(entry.on);
    if (entry.destination) check(*entry.destination);
  }
  void operator()(const LinkState& link) { check(link.on); }
  void operator()(const Capture& capture) {
    check(capture.on);
    if (capture.filter) check(capture.filter->value, TextKind::plain, capture.filter->at);
  }
  void operator()(const Do& command) {
    check(command.on);
    check(command.command, TextKind::command_line);
  }
  void operator()(const Kubectl& kubectl) { check(kubectl.arguments, TextKind::command_line); }
  void operator()(const Apply& apply) { check(apply.object, TextKind::command_line); }
  void operator()(const Inject& fault) { std::visit(*this, fault.what); }
  void operator()(const TargetFault& fault) { check(fault.target.name); }
  void operator()(const LinkFault& fault) { check(fault.link); }
  void operator()(const Partition&) {}
  void operator()(const Impair& impair) { check(impair.link); }
  // It is the description of a fault that is checked itself.
  void operator()(const Heal&) {}
  void operator()(const Wait&) {}

 private:
  void check(const Located<std::string>& text) { check(text.value, TextKind::plain, text.at); }
  void check(const std::string& text, TextKind kind = TextKind::plain) { check(text, kind, step_.at); }

  void check(const std::string& text, TextKind kind, Location at) {
    try {
      for (const Piece& piece : split_references(text, kind)) {
        if (const auto* reference = std::get_if<Reference>(&piece)) check(*reference, at);
      }
    } catch (const base::Error& error) {
      faults_.add(at, error.what());
    }
  }

  void check(const Reference& reference, Location at) {
    const auto* to_node = std::get_if<NodeReference>(&reference.what);
    if (to_node == nullptr) {
      if (topology_.cluster) return;
      faults_.add(at,
                  fmt::format("reference {}: pods and Services need a cluster, add one (cluster: {{controlPlane: …, "
                              "workers: […], network: …}}) or remove the reference",
                              reference.written));
      return;
    }
    const Node* node = topology_.find_node(to_node->node);
    if (node == nullptr) {
      faults_.add(at, fmt::format("reference {}: no node \"{}\"{}", reference.written, to_node->node,
                                  suggestion(to_node->node, names_of(topology_.nodes))));
    } else if (!address_of(topology_, *node)) {
      faults_.add(at, fmt::format("reference {}: node {} has no address on a network, give it one", reference.written,
                                  node->name));
    }
  }

  const Topology& topology_;
  const Step& step_;
  Faults& faults_;
};

}  // namespace

void check_references(const Topology& topology, const Step& step, Faults& faults) {
  std::visit(ReferenceChecker(topology, step, faults), step.action);
}

}  // namespace topology
