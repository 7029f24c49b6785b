// https://mermaid.js.org/syntax/flowchart.html
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cctype>
#include <map>
#include <set>

#include "labctl/graph/graph.h"

namespace graph {
namespace {

// Inside quotes; what could end them, begin an entity, or be taken for HTML or Markdown is written as an entity.
std::string escaped(const std::string& text) {
  std::string safe;
  for (char c : text) {
    if (c == '\n') {
      safe += "<br/>";
    } else if (std::string("\"#&<>`\\").find(c) != std::string::npos) {
      safe += "#" + std::to_string(static_cast<unsigned char>(c)) + ";";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      safe += ' ';
    } else {
      safe += c;
    }
  }
  return safe;
}

// Words such as "end" mean something to Mermaid, and "--" is an edge: hence what stands before, and no other
// characters.
class Identifiers {
 public:
  const std::string& of(const std::string& kind, const std::string& name) {
    auto [found, is_new] = known_.try_emplace({kind, name});
    if (!is_new) return found->second;
    std::string plain = kind + "_";
    for (char c : name) plain += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    std::string unique = plain;
    for (int i = 2; !taken_.insert(unique).second; ++i) unique = plain + "_" + std::to_string(i);
    return found->second = unique;
  }

 private:
  std::map<std::pair<std::string, std::string>, std::string> known_;
  std::set<std::string> taken_;
};

class Mermaid {
 public:
  explicit Mermaid(const Graph& graph) : graph_(graph) {}

  std::string write() {
    // YAML takes a JSON string as it is.
    text_ = "---\ntitle: " + boost::json::serialize(boost::json::string(caption(graph_))) + "\n---\nflowchart TB\n";
    for (const Network& network : graph_.networks) {
      std::string label = escaped(network.name);
      for (const std::string& subnet : network.subnets) label += "<br/>" + escaped(subnet);
      line(network_id(network.name) + "([\"" + label + "\"]):::network");
    }
    for (const Node& node : graph_.nodes) write_node(node);
    for (const Tunnel& tunnel : graph_.tunnels) write_tunnel(tunnel);
    line("classDef network stroke-width:3px");
    line("classDef tunnel stroke-dasharray:4 3");
    line("classDef killed stroke:#c62828,stroke-dasharray:4 3,opacity:0.6");
    return text_;
  }

 private:
  void line(const std::string& words) { text_ += "  " + words + "\n"; }
  const std::string& network_id(const std::string& name) { return identifiers_.of("network", name); }
  const std::string& node_id(const std::string& name) { return identifiers_.of("node", name); }

  void write_node(const Node& node) {
    std::string label = "<b>" + escaped(node.name) + "</b>";
    if (!node.role.empty()) label += "<br/>" + escaped(node.role);
    if (node.killed) label += "<br/>killed";
    for (const Link& link : node.links) {
      if (link.network.empty()) label += "<br/>" + escaped(link_text(link));
    }
    for (const std::string& service : node.services) label += "<br/>" + escaped(service);
    line(node_id(node.name) + "[\"" + label + "\"]" + (node.killed ? ":::killed" : ""));
    for (const Link& link : node.links) {
      if (!link.network.empty()) edge(network_id(link.network), node_id(node.name), link_text(link), link.down);
    }
    for (const Pod& pod : node.pods) {
      const std::string& id = identifiers_.of("pod", pod.name);
      line(id + "(\"" + escaped(pod_text(pod)) + "\")" + (pod.killed ? ":::killed" : ""));
      line(node_id(node.name) + " --- " + id);
    }
  }

  void write_tunnel(const Tunnel& tunnel) {
    const std::string& id = identifiers_.of("tunnel", tunnel.name);
    if (tunnel.ends.size() == 2) {
      return edge(node_id(tunnel.ends[0].node), node_id(tunnel.ends[1].node), tunnel.name, true);
    }
    line(id + "([\"" + escaped(tunnel.name) + "\"]):::tunnel");
    for (const Tunnel::End& end : tunnel.ends) edge(node_id(end.node), id, end.link, true);
  }

  void edge(const std::string& from, const std::string& to, const std::string& label, bool dashed) {
    std::string words = label.empty() ? "" : "|\"" + escaped(label) + "\"|";
    line(from + (dashed ? " -.-" : " ---") + words + " " + to);
  }

  const Graph& graph_;
  Identifiers identifiers_;
  std::string text_;
};

}  // namespace

std::string to_mermaid(const Graph& graph) {
  return Mermaid(graph).write();
}

}  // namespace graph
