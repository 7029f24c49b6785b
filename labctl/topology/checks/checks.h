// What must hold between the parts of a topology, one file per part. Each adds its faults and fills in what follows
// from other parts (the length of an address from its network's subnet).
#pragma once

#include <string>
#include <vector>

#include "labctl/topology/topology.h"

namespace topology {

void check_networks(const Topology& topology, Faults& faults);
void check_links(Topology& topology, Node& node, Faults& faults);
// Of all nodes, once their links are checked: no address and no MAC twice.
void check_duplicates(const Topology& topology, Faults& faults);
void check_routes(const Node& node, Faults& faults);
void check_rules(const Node& node, Faults& faults);
void check_ipvs(const Node& node, Faults& faults);
void check_workloads(const Topology& topology, const Node& node, Faults& faults);
void check_cluster(const Topology& topology, Faults& faults);
void check_scenario(const Topology& topology, Faults& faults);
// The ${references} in the texts of a step.
void check_references(const Topology& topology, const Step& step, Faults& faults);

// ---- shared

template <class Container>
std::vector<std::string> names_of(const Container& container) {
  std::vector<std::string> names;
  for (const auto& it : container) names.push_back(it.name);
  return names;
}

// NAME needs others of its kind; those that do not exist are no concern of it.
struct Dependency {
  std::string name;
  std::vector<Located<std::string>> needs;
};
// NAME's need that closes a circle.
struct Cycle {
  std::string name;
  Located<std::string> closing;
};
std::optional<Cycle> find_cycle(const std::vector<Dependency>& dependencies);

const Link* find_link(const Node& node, const std::string& name);
std::vector<Located<Prefix>> subnets_of(const Network& network);
void check_host_bits(const Located<Prefix>& subnet, Faults& faults);
// Empty, or why machines cannot have ADDRESS: "a multicast address".
std::string unusable(const IpAddress& address);
// The agents that a cluster runs on NODE, by their names.
std::vector<std::string> agents_on(const Cluster& cluster, const std::string& node);

}  // namespace topology
