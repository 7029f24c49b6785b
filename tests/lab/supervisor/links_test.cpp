// Links that not every kernel serves: what a topology asks for is there, or the lab is refused with the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::OnAnEmbeddedKernel;
using running_lab::RunningLab;
using testing::HasSubstr;

class LinksTest : public OnAnEmbeddedKernel {};

TEST_F(LinksTest, VlanFilteringIsRefusedWithTheReasonWhereTheKernelHasNone) {
  try {
    RunningLab lab(R"(
version: 1
name: vlans
networks: { left: {}, right: {} }
nodes:
  switch: { links: { left: , right: , br0: { kind: bridge, vlanFiltering: true, ports: [left, { link: right, vlan: 10 }] } } }
)",
                   "uml");
    FAIL() << "it is served";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("lacks bridge-vlan, asked for by node switch: link br0: user-mode Linux is "
                                        "built without it"));
  }
}

// A restart makes everything anew, in the same order.
TEST_F(LinksTest, OfEveryKindComeBackWithTheirNode) {
  RunningLab lab(R"(
version: 1
name: kinds
networks: { lan: { subnet: 10.0.0.0/24 } }
nodes:
  a:
    links:
      lan: { address: 10.0.0.1, impairment: { delay: 5ms, loss: 1% } }
      mac0: { kind: macvlan, device: lan, address: 10.0.1.1/24 }
      lan.7: { kind: vlan, device: lan, id: 7, address: 10.0.7.1/24 }
      ipip0: { kind: ipip, local: 10.0.0.1, remote: 10.0.0.2, address: 10.0.8.1/30 }
      gre0: { kind: gre, local: 10.0.0.1, remote: 10.0.0.2, key: 7, address: 10.0.9.1/30 }
    routes: [default via 10.0.0.2 table 100, prohibit 10.99.0.0/16]
    rules: [from 10.0.9.0/24 lookup 100]
)",
                 "uml");
  auto state = [&] {
    // Numbers of devices and of queues are not what anybody asked for, and whether a link has a carrier shows later.
    return lab.run("a",
                   "ip -o link | sed 's/^[0-9]*: //; s/link-netns.*//; s/@if[0-9]*//; s/<[^>]*>//; s/state [A-Z]*//';"
                   "ip -o address | awk '{print $2, $4}'; ip route show table all | sed 's/ linkdown//';"
                   "ip rule; tc qdisc show dev lan | sed 's/netem [0-9a-f]*:/netem/'");
  };
  std::string before = state();
  for (const char* part : {"mac0@lan", "lan.7@lan", "ipip0@", "gre0@", "delay 5ms loss 1%", "table 100",
                           "prohibit 10.99.0.0/16", "from 10.0.9.0/24 lookup 100"}) {
    EXPECT_THAT(before, HasSubstr(part));
  }
  lab.control().restart_node("a");
  EXPECT_EQ(state(), before);
}

}  // namespace
