#include <fmt/format.h>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

void check_link(const Node& node, const Rule& rule, const std::string& link, Faults& faults) {
  if (link.empty() || link == "lo" || find_link(node, link) != nullptr) return;
  faults.add(rule.at,
             fmt::format("node {} has no link \"{}\"{}", node.name, link, suggestion(link, names_of(node.links))));
}

}  // namespace

void check_rules(const Node& node, Faults& faults) {
  for (size_t i = 0; i < node.rules.size(); ++i) {
    const Rule& rule = node.rules[i];
    check_link(node, rule, rule.rule.input, faults);
    check_link(node, rule, rule.rule.output, faults);
    for (size_t j = 0; j < i; ++j) {
      if (node.rules[j].rule != rule.rule || rule.rule.table == 0) continue;
      faults.add(rule.at,
                 fmt::format("node {} has this rule already (line {}), remove one", node.name, node.rules[j].at.line));
      break;
    }
  }
}

}  // namespace topology
