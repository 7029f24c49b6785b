#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "labctl/topology/checks/checks.h"
#include "labctl/topology/daemons/kind.h"

namespace topology {
namespace {

void check_after(const Node& node, Faults& faults) {
  std::vector<std::string> names = names_of(node.workloads);
  std::vector<Dependency> workloads;
  for (const Workload& workload : node.workloads) {
    workloads.push_back({workload.name, workload.after});
    for (const Located<std::string>& before : workload.after) {
      if (std::find(names.begin(), names.end(), before.value) != names.end()) continue;
      faults.add(before.at, fmt::format("node {} has no workload \"{}\"{}", node.name, before.value,
                                        suggestion(before.value, names)));
    }
  }
  std::optional<Cycle> cycle = find_cycle(workloads);
  if (!cycle) return;
  faults.add(cycle->closing.at,
             fmt::format("workloads of node {} wait for each other in a cycle ({} after {}), remove one \"after\"",
                         node.name, cycle->name, cycle->closing.value));
}

void check_ports(const Node& node, Faults& faults) {
  std::map<std::pair<std::string, std::uint16_t>, std::string> ports;
  for (const Workload& workload : node.workloads) {
    const auto* serve = std::get_if<Serve>(&workload.what);
    if (serve == nullptr || serve->port == 0) continue;  // 0: refused already
    auto [other, first] = ports.try_emplace({serve->protocol == "udp" ? "udp" : "tcp", serve->port}, workload.name);
    if (first) continue;
    faults.add(workload.at,
               fmt::format("port {} is served by workload {} already, choose another", serve->port, other->second));
  }
}

// Where its configuration is written.
std::string configuration_path(const std::string& workload, const Daemon& daemon) {
  std::string folder = "/run/" + workload;
  return folder + "/" + daemon.kind->start(daemon.configuration, folder).file_name;
}

void check_files(const Node& node, Faults& faults) {
  std::map<std::string, std::string> writers;
  for (const Workload& workload : node.workloads) {
    const auto* daemon = std::get_if<Daemon>(&workload.what);
    if (daemon != nullptr) writers.try_emplace(configuration_path(workload.name, *daemon), workload.name);
  }
  for (const Workload& workload : node.workloads) {
    for (const File& file : workload.files) {
      auto [other, first] = writers.try_emplace(file.path, workload.name);
      if (first) continue;
      faults.add(file.at,
                 fmt::format("{} is written for workload {} already, write it once", file.path, other->second));
    }
  }
}

// A daemon's folder is /run/NAME, and /run/labctl is the lab's own.
void check_folders(const Node& node, Faults& faults) {
  for (const Workload& workload : node.workloads) {
    if (workload.name != "labctl" || !std::holds_alternative<Daemon>(workload.what)) continue;
    faults.add(workload.at, "a daemon has the folder /run/NAME, and /run/labctl is the lab's, choose another name");
  }
}

// A process is called NAME@NODE.
void check_agent_names(const Cluster& cluster, const Node& node, Faults& faults) {
  std::vector<std::string> agents = agents_on(cluster, node.name);
  for (const Workload& workload : node.workloads) {
    if (std::find(agents.begin(), agents.end(), workload.name) == agents.end()) continue;
    faults.add(workload.at, fmt::format("\"{}\" is an agent of the cluster on node {}, choose another name",
                                        workload.name, node.name));
  }
}

}  // namespace

void check_workloads(const Topology& topology, const Node& node, Faults& faults) {
  check_after(node, faults);
  check_ports(node, faults);
  check_files(node, faults);
  check_folders(node, faults);
  if (topology.cluster) check_agent_names(*topology.cluster, node, faults);
}

}  // namespace topology
