// Point-to-point networks: one cable between two nodes, whose halves stand and fall with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::RunningLab;
using testing::HasSubstr;
using testing::Not;

constexpr const char* two_ends = R"(
version: 1
name: wires
networks:
  a-cable-with-a-long-name: { kind: point-to-point, subnet: 10.0.0.0/24, subnet6: "fd00::/64", mtu: 1400 }
nodes:
  near:
    links: { a-cable-with-a-long-name: [10.0.0.1, "fd00::1"] }
    routes: [10.9.0.0/24 via 10.0.0.2, "fd00:9::/64 via fd00::2"]
  far:
    links:
      a-cable-with-a-long-name: { address: [10.0.0.2, "fd00::2"], impairment: { rate: 100mbit } }
      here: { kind: macvlan, device: a-cable-with-a-long-name, address: [10.9.0.1/24, "fd00:9::1/64"] }
)";

class WiresTest : public EachKernel {
 protected:
  static void expect_whole(RunningLab& lab) {
    EXPECT_THAT(lab.run("near", "ping -c 1 -W 5 10.0.0.2"), HasSubstr("1 received"));
    EXPECT_THAT(lab.run("near", "ping -c 1 -W 5 10.9.0.1"), HasSubstr("1 received"));
    EXPECT_THAT(lab.run("near", "ping -c 1 -W 5 fd00:9::1"), HasSubstr("1 received"));
    EXPECT_THAT(lab.run("far", "ip link show a-cable-with-a-long-name"), HasSubstr("mtu 1400"));
    EXPECT_THAT(lab.run("far", "tc qdisc show dev $(ls /sys/class/net | grep a-cable)"), HasSubstr("rate 100Mbit"));
  }
};

TEST_P(WiresTest, LeadFromNodeToNode) {
  RunningLab lab(two_ends, kernel());
  expect_whole(lab);
}

// As with any cable: who is left sees that there is nobody at the other end.
TEST_P(WiresTest, LoseTheirCarrierWithAKilledNode) {
  RunningLab lab(two_ends, kernel());
  lab.control().kill_node("far");
  // The kernel tells of it when it comes to it (net/core/link_watch.c).
  EXPECT_THAT(lab.run("near",
                      "timeout 10 sh -c 'until ip link show a-cable-with-a-long-name | grep NO-CARRIER; do "
                      "sleep 0.05; done'"),
              HasSubstr("NO-CARRIER"));
}

TEST_P(WiresTest, ARestartedNodeGetsItsOwnEndBackAndTheOtherKeepsWhatItHas) {
  RunningLab lab(two_ends, kernel());
  for (const char* node : {"near", "far", "near"}) {
    const char* other = node == std::string("near") ? "far" : "near";
    lab.run(other, "ip route add 10.99.0.0/24 dev $(ls /sys/class/net | grep a-cable)");
    lab.run(node, "ip link set $(ls /sys/class/net | grep a-cable) mtu 1000 address 02:00:00:00:00:99");
    lab.control().restart_node(node);
    expect_whole(lab);
    EXPECT_THAT(lab.run(other, "ip route"), HasSubstr("10.99.0.0/24")) << "nobody has touched it";
    EXPECT_THAT(lab.run(node, "ip link show a-cable-with-a-long-name"), Not(HasSubstr("02:00:00:00:00:99")));
    lab.run(other, "ip route delete 10.99.0.0/24");
  }
}

TEST_P(WiresTest, AreMadeAnewForANodeThatHasTakenItsEndAway) {
  RunningLab lab(two_ends, kernel());
  const std::string link = "$(ls /sys/class/net | grep a-cable)";
  lab.run("near", "ip link delete " + link);
  lab.control().restart_node("near");
  EXPECT_THAT(lab.run("near", "ping -c 1 -W 5 10.0.0.2"), HasSubstr("1 received"));
  lab.run("near", "ip link set " + link + " down && ip link set " + link + " name other");
  lab.control().restart_node("near");
  EXPECT_THAT(lab.run("near", "ping -c 1 -W 5 10.0.0.2"), HasSubstr("1 received"));
  EXPECT_THAT(lab.run("far", "tc qdisc show dev " + link), HasSubstr("rate 100Mbit"));
}

TEST_P(WiresTest, BreakAsOtherCablesDo) {
  RunningLab lab(two_ends, kernel());
  auto inject = [&](const std::string& what) { lab.control().inject(boost::json::parse(what).as_object()); };
  for (const char* what :
       {R"({"partition": {"groups": [["near"], ["far"]]}})",
        R"({"partition": {"groups": [["far"], ["near"]], "networks": ["a-cable-with-a-long-name"]}})",
        R"({"linkDown": "far:a-cable-with-a-long-name"})"}) {
    inject(what);
    EXPECT_THAT(lab.run("near", "ping -c 1 -W 1 10.0.0.2"), Not(HasSubstr("1 received"))) << what;
    lab.control().heal_all();
    expect_whole(lab);
  }
  inject(R"({"partition": {"groups": [["near"], ["far"]]}})");
  lab.control().restart_node("near");
  EXPECT_THAT(lab.run("near", "ping -c 1 -W 1 10.0.0.2"), Not(HasSubstr("1 received"))) << "it is parted as before";
  lab.control().heal_all();
  expect_whole(lab);
}

INSTANTIATE_TEST_SUITE_P(On, WiresTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

}  // namespace
