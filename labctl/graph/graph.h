// A picture of a topology or of a running lab: what is in it, and how it is written as Mermaid, as dot, as SVG.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "labctl/topology/topology.h"

namespace graph {

struct Network {
  std::string name;
  std::vector<std::string> subnets;
};

struct Link {
  std::string name;
  std::string kind;     // as topologies say it: "network", "dummy", "vxlan"
  std::string network;  // that it is attached to; empty for one inside the node
  std::vector<std::string> addresses;
  bool down = false;
};

struct Pod {
  std::string name;     // "NAMESPACE/NAME"
  std::string address;  // empty where it has its node's network
  bool killed = false;
};

struct Node {
  std::string name;
  std::string role;  // in a cluster: "control plane", "worker"; empty outside one
  std::vector<Link> links;
  std::vector<std::string> services;  // what it answers to: workloads, virtual services
  std::vector<Pod> pods;
  bool killed = false;
};

// What is carried inside other packets from node to node.
struct Tunnel {
  struct End {
    std::string node;
    std::string link;  // empty: one that an agent makes
  };
  std::string name;
  std::vector<End> ends;
};

struct Graph {
  std::string name;
  std::string description;
  std::vector<Network> networks;
  std::vector<Node> nodes;
  std::vector<Tunnel> tunnels;
  std::vector<std::string> faults;  // those that are on: "link ds:lan is down"
};

Graph of_topology(const topology::Topology& topology);
// What has become of it in a running lab: NODES, PROCESSES and FAULTS as the control API gives them.
void add_state(Graph& graph, const boost::json::array& nodes, const boost::json::array& processes,
               const boost::json::array& faults);

std::string to_mermaid(const Graph& graph);
std::string to_dot(const Graph& graph);
// Laid out here, without any program: networks are horizontal bars, one below the other.
std::string to_svg(const Graph& graph);

// "lan 192.168.1.1/24", "vxlan0 (vxlan) 10.0.0.1/24".
std::string link_text(const Link& link);
std::string pod_text(const Pod& pod);
// What stands above the picture, in one line: its name, what it shows, and the faults that are on.
std::string caption(const Graph& graph);
std::string joined(const std::vector<std::string>& words, const std::string& separator);

}  // namespace graph
