// https://graphviz.org/doc/info/lang.html
#include "labctl/graph/graph.h"

namespace graph {
namespace {

// A quoted string of dot; in labels a backslash means something as well ("\N" is the node's name).
std::string quoted(const std::string& text) {
  std::string safe = "\"";
  for (char c : text) {
    if (c == '\n') {
      safe += "\\n";
    } else if (c == '"' || c == '\\') {
      safe += std::string("\\") + c;
    } else {
      safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return safe + "\"";
}

class Dot {
 public:
  explicit Dot(const Graph& graph) : graph_(graph) {}

  std::string write() {
    text_ = "graph " + quoted(graph_.name) + " {\n";
    line("label=" + quoted(caption(graph_)));
    line("labelloc=t fontname=\"sans-serif\" nodesep=0.4 ranksep=0.8");
    line("node [shape=box fontname=\"sans-serif\"]");
    line("edge [fontname=\"sans-serif\" fontsize=10]");
    for (const Network& network : graph_.networks) {
      std::string label = network.name;
      for (const std::string& subnet : network.subnets) label += "\n" + subnet;
      vertex("network/" + network.name, label, "shape=box style=\"rounded,bold\"");
    }
    for (const Node& node : graph_.nodes) write_node(node);
    for (const Tunnel& tunnel : graph_.tunnels) write_tunnel(tunnel);
    return text_ + "}\n";
  }

 private:
  void line(const std::string& words) { text_ += "  " + words + "\n"; }
  void vertex(const std::string& id, const std::string& label, const std::string& more = {}) {
    line(quoted(id) + " [label=" + quoted(label) + (more.empty() ? "" : " " + more) + "]");
  }
  void edge(const std::string& from, const std::string& to, const std::string& label, bool dashed) {
    std::string attributes = label.empty() ? "" : "label=" + quoted(label);
    if (dashed) attributes += std::string(attributes.empty() ? "" : " ") + "style=dashed";
    line(quoted(from) + " -- " + quoted(to) + (attributes.empty() ? "" : " [" + attributes + "]"));
  }

  void write_node(const Node& node) {
    std::string label = node.name;
    if (!node.role.empty()) label += "\n" + node.role;
    if (node.killed) label += "\nkilled";
    for (const Link& link : node.links) {
      if (link.network.empty()) label += "\n" + link_text(link);
    }
    for (const std::string& service : node.services) label += "\n" + service;
    std::string id = "node/" + node.name;
    vertex(id, label, node.killed ? "style=dashed color=\"#c62828\"" : "");
    for (const Link& link : node.links) {
      if (!link.network.empty()) edge("network/" + link.network, id, link_text(link), link.down);
    }
    for (const Pod& pod : node.pods) {
      vertex("pod/" + pod.name, pod_text(pod), pod.killed ? "style=\"rounded,dashed\"" : "style=rounded");
      edge(id, "pod/" + pod.name, "", false);
    }
  }

  void write_tunnel(const Tunnel& tunnel) {
    if (tunnel.ends.size() == 2) {
      return edge("node/" + tunnel.ends[0].node, "node/" + tunnel.ends[1].node, tunnel.name, true);
    }
    vertex("tunnel/" + tunnel.name, tunnel.name, "style=\"rounded,dashed\"");
    for (const Tunnel::End& end : tunnel.ends) edge("node/" + end.node, "tunnel/" + tunnel.name, end.link, true);
  }

  const Graph& graph_;
  std::string text_;
};

}  // namespace

std::string to_dot(const Graph& graph) {
  return Dot(graph).write();
}

}  // namespace graph
