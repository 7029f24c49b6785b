// Steps and expectations of captures, and of what rtnetlink tells.
#include "labctl/scenario/capturing.h"

#include <gmock/gmock.h>

#include "labctl/scenario/engine.h"
#include "labctl/scenario/look.h"
#include "lib/base/error.h"
#include "tests/unit/labctl/scenario/fake_lab.h"

namespace scenario {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

topology::Topology with_steps(const std::string& steps) {
  return topology::parse(
      "version: 1\nname: lab\nnetworks: {lan: {subnet: 10.0.0.0/24}}\nnodes:\n  client: {links: {lan: 10.0.0.1}}\n"
      "  ds: {links: {lan: 10.0.0.2}}\nscenario:\n" +
          steps,
      "t.yaml");
}

class Capturing : public testing::Test {
 protected:
  Look look_at(const std::string& expectation) {
    topology::Topology topology = with_steps("  - capture: ds\n  - expect: " + expectation +
                                             "\n  - do: {on: ds, run: ip link add vip0 type dummy}\n");
    Resolver resolver(lab_, topology);
    return look(lab_, resolver, std::get<topology::Expect>(topology.scenario.at(1).action).what);
  }
  void prints(const std::string& text) {
    lab_.answer = [text](const lab::Command&) { return printed(text); };
  }
  FakeLab lab_;
};

TEST_F(Capturing, AStepRecordsInTheNode) {
  topology::Topology topology =
      with_steps("  - capture: {on: ds, link: lan, filter: \"host ${node:client:ip}\"}\n  - capture: client:lan\n");
  std::vector<StepResult> results = Engine(lab_, topology).run(Engine::Callbacks{});
  ASSERT_EQ(lab_.commands.size(), 2u);
  EXPECT_EQ(lab_.commands[0].node, "ds");
  EXPECT_THAT(lab_.commands[0].arguments,
              ElementsAre("/run/labctl/libexec/capture", "record", "--node", "ds", "--filter", "host 10.0.0.1", "lan"));
  EXPECT_THAT(lab_.commands[1].arguments,
              ElementsAre("/run/labctl/libexec/capture", "record", "--node", "client", "lan"));
  EXPECT_EQ(results[1].what, "capture on client:lan");
}

TEST_F(Capturing, PacketsAreCounted) {
  prints(
      R"({"packets":2,"recorded":9,"lost":0,"lines":["12:00:00.000000 ds:lan IP x","12:00:01.000000 ds:lan IP y"]})");
  Look look = look_at("{on: ds, captured: 'tcp port 80'}");
  EXPECT_TRUE(look.holds);
  EXPECT_EQ(look.seen,
            "2 of the 9 captured packets match; the last of them:\n12:00:00.000000 ds:lan IP x\n"
            "12:00:01.000000 ds:lan IP y");
  EXPECT_THAT(lab_.commands.back().arguments,
              ElementsAre("/run/labctl/libexec/capture", "count", "--node", "ds", "--filter", "tcp port 80"));
  EXPECT_TRUE(look_at("{on: ds, captured: tcp, packets: 2}").holds);
  EXPECT_FALSE(look_at("{on: ds, captured: tcp, packets: 1}").holds);
  EXPECT_FALSE(look_at("{on: ds, captured: tcp, packets: 0}").holds);
  EXPECT_TRUE(look_at("{on: ds, captured: tcp, atLeast: 2}").holds);
  EXPECT_FALSE(look_at("{on: ds, captured: tcp, atLeast: 3}").holds);
}

TEST_F(Capturing, NoneIsWhatZeroMeans) {
  prints(R"({"packets":0,"recorded":1,"lost":0,"lines":["12:00:00.000000 ds:lan ARP"]})");
  EXPECT_TRUE(look_at("{on: ds, captured: tcp, packets: 0}").holds);
}

TEST_F(Capturing, WhatWasLostMayHaveMatched) {
  prints(R"({"packets":2,"recorded":9,"lost":3,"lines":[]})");
  for (const char* count : {"packets: 2", "packets: 3"}) {
    try {
      look_at(std::string("{on: ds, captured: tcp, ") + count + "}");
      ADD_FAILURE() << count;
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("it cannot be seen whether"));
      EXPECT_THAT(error.what(), HasSubstr("3 more were lost"));
    }
  }
  EXPECT_FALSE(look_at("{on: ds, captured: tcp, packets: 1}").holds) << "too many are too many";
  EXPECT_TRUE(look_at("{on: ds, captured: tcp, atLeast: 2}").holds);
  prints(R"({"packets":0,"recorded":1,"lost":3,"lines":["12:00:00.000000 ds:lan ARP"]})");
  Look look = look_at("{on: ds, captured: tcp}");
  EXPECT_FALSE(look.holds);
  EXPECT_EQ(look.seen,
            "0 of the 1 captured packets match; 3 more were lost, as they came too fast; the last of all:\n"
            "12:00:00.000000 ds:lan ARP");
}

std::string faults_of(const std::string& steps) {
  try {
    with_steps(steps);
  } catch (const topology::InvalidTopology& error) {
    return error.what();
  }
  return "";
}

TEST_F(Capturing, WhatWasNotCapturedIsRefused) {
  std::string expectation = "  - expect: {on: ds, link: lan, captured: tcp}\n";
  EXPECT_THAT(faults_of(expectation), HasSubstr("t.yaml:8:43: nothing is captured on ds:lan before this step"));
  EXPECT_THAT(faults_of("  - capture: client\n" + expectation), HasSubstr("nothing is captured on ds:lan"));
  EXPECT_THAT(faults_of(expectation + "  - capture: ds\n"), HasSubstr("nothing is captured on ds:lan"));
  EXPECT_EQ(faults_of("  - capture: ds\n" + expectation), "");
  EXPECT_EQ(faults_of("  - capture: ds:lan\n" + expectation), "");
  EXPECT_THAT(faults_of("  - capture: ds:lam\n"), HasSubstr("t.yaml:8:14: node ds has no link \"lam\", did you mean"));
  EXPECT_THAT(faults_of("  - capture: dz:lan\n"), HasSubstr("no node \"dz\""));
}

// ---- by rtnetlink

TEST_F(Capturing, ARouteIsFoundByItsWordsInOrder) {
  prints(R"({"routes":[
    {"table":"main","line":"default via 10.0.0.9 dev lan proto static"},
    {"table":"main","line":"10.244.2.0/24 via 10.0.0.2 dev lan proto static onlink"},
    {"table":"100","line":"10.3.0.0/16 dev lan table 100 proto static"},
    {"table":"local","line":"local 10.0.0.1 dev lan table local proto kernel"}],"rules":[]})");
  EXPECT_TRUE(look_at("{on: ds, route: 10.244.2.0/24 via 10.0.0.2 dev lan onlink}").holds);
  EXPECT_FALSE(look_at("{on: ds, route: 10.244.2.0/24 dev lan via 10.0.0.2}").holds);
  EXPECT_FALSE(look_at("{on: ds, route: 10.0.0.9 dev lan}").holds) << "it is the way, and not where it leads to";
  EXPECT_FALSE(look_at("{on: ds, route: 10.3.0.0/16 dev lan}").holds) << "it is not in the main table";
  EXPECT_TRUE(look_at("{on: ds, route: 10.3.0.0/16 dev lan table 100}").holds);
  EXPECT_TRUE(look_at("{on: ds, route: local 10.0.0.1 dev lan table local}").holds);
  EXPECT_TRUE(look_at("{on: ds, route: 10.9.0.0/16, count: 0}").holds);
  EXPECT_FALSE(look_at("{on: ds, route: default, count: 0}").holds);
  EXPECT_THAT(look_at("{on: ds, route: 10.9.0.0/16}").seen, HasSubstr("none like it, of\ndefault via 10.0.0.9"));
}

TEST_F(Capturing, ANeighbourIsFoundByItsFields) {
  prints(R"({"neighbours":[{"address":"10.0.0.1","link":"lan","mac":"02:00:00:00:00:01","state":"REACHABLE"},
    {"address":"10.0.0.9","link":"lan","mac":"","state":"FAILED"}]})");
  EXPECT_TRUE(look_at("{on: ds, neighbour: '${node:client:ip}', mac: '02:00:00:00:00:01', state: REACHABLE}").holds);
  EXPECT_FALSE(look_at("{on: ds, neighbour: 10.0.0.1, mac: '02:00:00:00:00:02'}").holds);
  EXPECT_FALSE(look_at("{on: ds, neighbour: 10.0.0.1, link: other}").holds);
  EXPECT_TRUE(look_at("{on: ds, neighbour: 10.0.0.7, count: 0}").holds);
  EXPECT_THAT(look_at("{on: ds, neighbour: 10.0.0.7}").seen,
              HasSubstr("10.0.0.1 dev lan lladdr 02:00:00:00:00:01 REACHABLE\n10.0.0.9 dev lan FAILED"));
}

TEST_F(Capturing, AForwardingEntryIsFoundByMacAndTunnelEnd) {
  prints(
      R"({"entries":[{"mac":"02:00:00:00:00:01","link":"vx0","master":"","destination":"10.0.0.2","state":"PERMANENT"},
    {"mac":"02:00:00:00:00:02","link":"p1","master":"br0","destination":null,"state":"REACHABLE"}]})");
  EXPECT_TRUE(look_at("{on: ds, fdb: '02:00:00:00:00:01 dst 10.0.0.2', link: vx0}").holds);
  EXPECT_FALSE(look_at("{on: ds, fdb: '02:00:00:00:00:01 dst 10.0.0.3'}").holds);
  EXPECT_TRUE(look_at("{on: ds, fdb: '02:00:00:00:00:02', link: br0}").holds);
  EXPECT_TRUE(look_at("{on: ds, fdb: '02:00:00:00:00:02', link: p1}").holds);
  EXPECT_THAT(faults_of("  - expect: {on: ds, fdb: 'x dst y'}\n"), HasSubstr("a forwarding entry is MAC or MAC dst"));
}

TEST_F(Capturing, ALinkIsWhatIsExpectedOfIt) {
  prints(R"({"links":[{"name":"vip0","alternativeNames":["a-very-long-link-name"],"kind":"dummy","up":true,
    "state":"UNKNOWN","mtu":1500,"mac":"02:00:00:00:00:01","master":"br0"}]})");
  EXPECT_TRUE(look_at("{on: ds, link: vip0, up: true, kind: dummy, mtu: 1500, master: br0}").holds);
  EXPECT_TRUE(look_at("{on: ds, link: a-very-long-link-name}").holds);
  EXPECT_FALSE(look_at("{on: ds, link: vip0, up: false}").holds);
  EXPECT_FALSE(look_at("{on: ds, link: vip0, mtu: 1450}").holds);
  EXPECT_FALSE(look_at("{on: ds, link: vip0, kind: veth}").holds);
  EXPECT_FALSE(look_at("{on: ds, link: vip0, count: 0}").holds);
  EXPECT_TRUE(look_at("{on: ds, link: gone, count: 0}").holds);
  EXPECT_EQ(look_at("{on: ds, link: gone}").seen, "there is no such link, only vip0");
}

}  // namespace
}  // namespace scenario
