// What a picture shows, and that it is well-formed whatever names and descriptions hold. The pictures of some graphs
// are kept in golden/.
#include "labctl/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "labctl/graph/layout.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"
#include "tests/unit/golden.h"

namespace graph {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const fs::path kGolden = fs::path(SOURCE_DIR) / "tests/unit/labctl/graph/golden";

Graph of_file(const std::string& name) {
  fs::path path = fs::path(SOURCE_DIR) / "topologies" / (name + ".yaml");
  return of_topology(topology::parse(base::read_file(path), path));
}

// As a lab with one pod a worker says it; worker2 was killed, and client's link is down.
Graph running_nodeport() {
  Graph graph = of_file("nodeport");
  add_state(graph,
            boost::json::parse(R"([
    {"name": "client", "kind": "node", "state": "running", "links": [
      {"name": "lo", "up": true, "addresses": ["127.0.0.1/8"]},
      {"name": "lan", "up": true, "addresses": ["192.168.113.102/24", "fe80::1/64"]}]},
    {"name": "worker1", "kind": "node", "state": "running", "links": [
      {"name": "lan", "up": true, "addresses": ["192.168.113.11/24"]},
      {"name": "cni0", "kind": "bridge", "up": true, "addresses": ["10.244.1.1/24"]},
      {"name": "veth12345678", "kind": "veth", "up": true, "addresses": []}]},
    {"name": "worker2", "kind": "node", "state": "killed", "links": []},
    {"name": "default/web-1", "kind": "pod", "host": "worker1", "state": "running", "links": [
      {"name": "lo", "addresses": ["127.0.0.1/8"]}, {"name": "eth0", "addresses": ["10.244.1.2/24"]}]},
    {"name": "default/web-2", "kind": "pod", "host": "worker1", "state": "killed", "links": []}])")
                .as_array(),
            boost::json::parse(R"([
    {"name": "apiserver@cp", "node": "cp", "state": "ready"}, {"name": "controller@cp", "node": "cp", "state": "exited"}])")
                .as_array(),
            boost::json::parse(R"([{"id": 1, "fault": {"linkDown": "client:lan"}, "what": "link client:lan is down"}])")
                .as_array());
  return graph;
}

Graph hostile() {
  Graph graph;
  graph.name = "end";
  graph.description = "a \"quoted\" [bracket] <script>alert(1)</script> & `tick` \\N\nsecond line\x01 #quot;";
  graph.networks = {{"lan \"1\"", {"10.0.0.0/24"}}};
  graph.nodes = {{"end", "", {{"eth\"0", "network", "lan \"1\"", {"10.0.0.1/24"}, false}}, {"run: ]]> <b>"}, {}, false},
                 {"a--b", "", {}, {}, {}, false},
                 {"a__b", "", {}, {}, {}, false}};
  return graph;
}

Graph thirty_nodes() {
  Graph graph{"thirty", "", {{"lan", {"10.0.0.0/24"}}, {"wan", {"10.1.0.0/24"}}}, {}, {}, {}};
  for (int i = 1; i <= 30; ++i) {
    Node node;
    node.name = "n" + std::to_string(i);
    node.links.push_back({"lan", "network", "lan", {"10.0.0." + std::to_string(i) + "/24"}, false});
    if (i % 10 == 0) node.links.push_back({"wan", "network", "wan", {"10.1.0." + std::to_string(i) + "/24"}, false});
    graph.nodes.push_back(std::move(node));
  }
  return graph;
}

// Throws where it is no XML.
void check_xml(const std::string& text) {
  base::run_checked(
      {"python3", "-c", "import sys, xml.dom.minidom; xml.dom.minidom.parseString(sys.stdin.buffer.read())"}, text);
}

TEST(Graph, IsDrawnAsInTheGoldenFiles) {
  for (const std::string name : {"nodeport", "ipvs-nat"}) {
    Graph graph = of_file(name);
    golden::expect_same(kGolden / (name + ".mmd"), to_mermaid(graph));
    golden::expect_same(kGolden / (name + ".dot"), to_dot(graph));
    golden::expect_same(kGolden / (name + ".svg"), to_svg(graph));
  }
  golden::expect_same(kGolden / "running.mmd", to_mermaid(running_nodeport()));
  golden::expect_same(kGolden / "running.dot", to_dot(running_nodeport()));
  golden::expect_same(kGolden / "running.svg", to_svg(running_nodeport()));
}

TEST(Graph, ShowsWhatATopologySays) {
  Graph graph = of_topology(topology::parse(R"(
version: 1
name: all
networks: {lan: {subnet: 10.0.0.0/24, subnet6: "fd00::/64"}}
nodes:
  a:
    links: {lan: [10.0.0.1, "fd00::1"], vip: {kind: dummy, address: 10.9.9.9/32}, t: {kind: vxlan, vni: 7}}
    ipvs: [{service: "tcp://10.9.9.9:80", servers: [10.0.0.2:80]}]
  b: {links: {lan: 10.0.0.2, t: {kind: vxlan, vni: 7}}, workloads: {web: {serve: http, port: 80}, job: {run: "true"}}}
  c: {links: {lan: 10.0.0.3, t: {kind: vxlan, vni: 8}}}
)",
                                            "all.yaml"));
  EXPECT_THAT(graph.networks.at(0).subnets, ElementsAre("10.0.0.0/24", "fd00::/64"));
  EXPECT_EQ(link_text(graph.nodes.at(0).links.at(0)), "lan 10.0.0.1/24 fd00::1/64");
  EXPECT_EQ(link_text(graph.nodes.at(0).links.at(1)), "vip (dummy) 10.9.9.9/32");
  EXPECT_THAT(graph.nodes.at(0).services, ElementsAre("tcp://10.9.9.9:80 (rr, NAT)", "→ 10.0.0.2:80"));
  EXPECT_THAT(graph.nodes.at(1).services, ElementsAre("web: http on port 80", "job"));
  ASSERT_EQ(graph.tunnels.size(), 1u) << "an end point alone is no tunnel";
  EXPECT_EQ(graph.tunnels.at(0).name, "VXLAN 7, UDP port 8472");
  EXPECT_EQ(graph.tunnels.at(0).ends.at(1).node, "b");
}

TEST(Graph, ShowsATunnelOnceBetweenItsEnds) {
  Graph graph = of_topology(topology::parse(R"(
version: 1
name: tunnels
networks: {lan: {subnet: 10.0.0.0/24}}
nodes:
  a: {links: {lan: 10.0.0.1, t: {kind: ipip, local: 10.0.0.1, remote: 10.0.0.2}}}
  b: {links: {lan: 10.0.0.2, u: {kind: ipip, local: 10.0.0.2, remote: 10.0.0.1}}}
)",
                                            "tunnels.yaml"));
  ASSERT_EQ(graph.tunnels.size(), 1u);
  EXPECT_EQ(graph.tunnels.at(0).name, "ipip a - b");
  EXPECT_EQ(graph.tunnels.at(0).ends.at(0).link, "t");
  EXPECT_EQ(graph.tunnels.at(0).ends.at(1).link, "u");
}

TEST(Graph, ShowsWhatHasBecomeOfALab) {
  Graph graph = running_nodeport();
  const Node &client = graph.nodes.at(0), &cp = graph.nodes.at(1), &worker = graph.nodes.at(2);
  EXPECT_EQ(link_text(client.links.at(0)), "lan 192.168.113.102/24 (down)");
  EXPECT_EQ(worker.role, "worker");
  ASSERT_EQ(worker.links.size(), 2u) << "an agent's link is shown where it has an address";
  EXPECT_EQ(link_text(worker.links.at(1)), "cni0 (bridge) 10.244.1.1/24");
  EXPECT_EQ(pod_text(worker.pods.at(0)), "pod default/web-1 10.244.1.2");
  EXPECT_EQ(pod_text(worker.pods.at(1)), "pod default/web-2 (killed)");
  EXPECT_TRUE(graph.nodes.at(3).killed);
  EXPECT_THAT(cp.services, ElementsAre("controller (exited)"));
  EXPECT_EQ(caption(graph), "nodeport: " + graph.description + " Faults: link client:lan is down");
}

TEST(Svg, IsXmlWithoutScriptWhateverIsInIt) {
  for (const Graph& graph : {hostile(), running_nodeport(), thirty_nodes(), Graph{}}) {
    std::string svg = to_svg(graph);
    EXPECT_NO_THROW(check_xml(svg)) << svg;
    EXPECT_THAT(svg, Not(HasSubstr("<script")));
  }
}

TEST(Svg, BoxesAreInThePictureAndDoNotOverlap) {
  Graph graph = thirty_nodes();
  Layout layout = lay_out(graph);
  EXPECT_LT(layout.width, 1600) << "it would not fit a screen";
  for (const Box& box : layout.boxes) {
    EXPECT_LE(box.x + box.width, layout.width);
    EXPECT_LE(box.y + box.height, layout.height);
    for (const Box& other : layout.boxes) {
      if (&box == &other) continue;
      bool apart = box.x + box.width <= other.x || other.x + other.width <= box.x || box.y + box.height <= other.y ||
                   other.y + other.height <= box.y;
      EXPECT_TRUE(apart) << box.node->name << " " << other.node->name;
    }
    for (const Riser& riser : layout.risers) {
      bool beside =
          riser.x < box.x || riser.x > box.x + box.width || riser.bottom < box.y || riser.top > box.y + box.height;
      EXPECT_TRUE(beside) << "a line crosses " << box.node->name;
    }
  }
}

TEST(Svg, TextsThatAreTooLongAreShortenedByCharacters) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("äöüäöü", 6), "äöüäöü");
  EXPECT_EQ(shortened("äöüäöüä", 6), "äöüäö…");
}

TEST(Dot, IsReadByGraphviz) {
  if (base::run_command({"sh", "-c", "command -v dot"}).exit_code != 0) GTEST_SKIP() << "Graphviz is not installed";
  for (const Graph& graph : {hostile(), running_nodeport(), thirty_nodes()}) {
    EXPECT_NO_THROW(base::run_checked({"dot", "-Tplain"}, to_dot(graph)));
  }
  EXPECT_THAT(base::run_checked({"dot", "-Tsvg"}, to_dot(hostile())), HasSubstr("a &quot;quoted&quot; [bracket]"));
}

TEST(Mermaid, CannotBeBrokenByNames) {
  std::string text = to_mermaid(hostile());
  EXPECT_THAT(text, HasSubstr("node_end[\"<b>end</b>"));
  EXPECT_THAT(text, HasSubstr("node_a__b[\"<b>a--b</b>\"]"));
  EXPECT_THAT(text, HasSubstr("node_a__b_2[\"<b>a__b</b>\"]"));
  EXPECT_THAT(text, HasSubstr("eth#34;0 on lan #34;1#34; 10.0.0.1/24"));
  EXPECT_THAT(text, HasSubstr("run: ]]#62; #60;b#62;"));
  EXPECT_THAT(text, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace graph
