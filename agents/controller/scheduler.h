// Which node a pod runs on.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agents/controller/change.h"
#include "agents/controller/pod_state.h"
#include "agents/controller/times.h"

namespace controller {

// What runs on each node, as far as the choice depends on it.
class Occupancy {
 public:
  explicit Occupancy(const Pods& pods);

  void add(const kube::Pod& pod, const std::string& node);
  size_t pods_on(const std::string& node) const;
  // Of the same owner as POD.
  size_t siblings_on(const std::string& node, const kube::Pod& pod) const;
  // Whether a port that POD wants of its host is in use.
  bool has_port_conflict(const std::string& node, const kube::Pod& pod) const;

 private:
  struct Load {
    size_t pods = 0;
    std::map<std::string, size_t> by_owner;  // uid
    std::set<std::pair<std::string, uint16_t>> host_ports;
  };
  const Load* load(const std::string& node) const;
  std::map<std::string, Load> nodes_;
};

// How long a new node may take to become ready for the first time, while pods wait for it.
constexpr std::chrono::seconds starting_time{30};

struct Choice {
  std::string node;                  // empty where there is none
  std::string why_not;               // as the real scheduler words it
  std::optional<Time> starts_until;  // where the node is not ready, but expected to be by then
};

// Of the nodes that are ready, schedulable, tolerated and selected: the one with the fewest pods of the same owner, of
// those the one with the fewest pods, of those the first by name. A node that is just starting counts as well, so that
// a cluster whose nodes become ready one after the other does not crowd everything onto the first.
Choice choose_node(const kube::Pod& pod, const Nodes& nodes, const Occupancy& occupancy, Time now);

// Binds every pod that waits for a node, each in view of those before it; or says why it cannot.
Decision schedule(const Pods& pods, const Nodes& nodes, Time now);

}  // namespace controller
