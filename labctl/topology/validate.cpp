#include "labctl/topology/validate.h"

#include <fmt/format.h>

#include <map>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

void check_manifests(const Topology& topology, Faults& faults) {
  if (topology.cluster || topology.manifests.empty()) return;
  faults.add(topology.manifests.front().at,
             "manifests need a cluster, add one: cluster: {controlPlane: …, workers: […], network: …}");
}

void check_mounts(Topology& topology, Faults& faults) {
  std::map<std::string, unsigned> seen;
  for (Mount& mount : topology.mounts) {
    if (mount.target.empty()) mount.target = mount.source;
    if (mount.target.empty()) continue;  // refused already
    if (mount.target.find_first_not_of('/') == std::string::npos) {
      faults.add(mount.at, "a mount cannot hide the root, give it a target");
    }
    auto [other, first] = seen.try_emplace(mount.target, mount.at.line);
    if (first) continue;
    faults.add(mount.at,
               fmt::format("{} is mounted already (line {}), choose another target", mount.target, other->second));
  }
}

}  // namespace

void validate(Topology& topology, Faults& faults) {
  if (topology.name.value.size() > longest_lab_name) {
    faults.add(topology.name.at, fmt::format("a lab's name of more than {} characters, shorten it", longest_lab_name));
  }
  check_networks(topology, faults);
  for (Node& node : topology.nodes) {
    check_links(topology, node, faults);
    check_routes(node, faults);
    check_rules(node, faults);
    check_ipvs(node, faults);
    check_workloads(topology, node, faults);
  }
  check_duplicates(topology, faults);
  if (topology.cluster) check_cluster(topology, faults);
  check_manifests(topology, faults);
  check_mounts(topology, faults);
  check_scenario(topology, faults);
}

}  // namespace topology
