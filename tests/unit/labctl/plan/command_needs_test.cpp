#include "labctl/plan/command_needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using plan::needs_of_command;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(CommandNeeds, AreToldByItsPrograms) {
  EXPECT_THAT(needs_of_command("iptables -t nat -S"), ElementsAre("iptables"));
  EXPECT_THAT(needs_of_command("/usr/sbin/ip6tables -S"), ElementsAre("ip6tables"));
  EXPECT_THAT(needs_of_command("iptables-save | grep KUBE"), ElementsAre("iptables"));
  EXPECT_THAT(needs_of_command("ipset add S 10.0.0.1; ipvsadm -Ln"), ElementsAre("ipset", "ipvs-netlink"));
  EXPECT_THAT(needs_of_command("n=$(conntrack -C)"), ElementsAre("conntrack-netlink"));
  EXPECT_THAT(needs_of_command("nft list ruleset"), ElementsAre("nftables"));
}

TEST(CommandNeeds, AreToldByWhatItMakes) {
  EXPECT_THAT(needs_of_command("ip link add v0 type vxlan id 7 dev lan"), ElementsAre("vxlan"));
  EXPECT_THAT(needs_of_command("ip link add d0 type dummy && ip tuntap add t0 mode tun"),
              ElementsAre("dummy", "tun-open"));
  EXPECT_THAT(needs_of_command("tc qdisc add dev lan root netem delay 5ms"), ElementsAre("netem"));
}

TEST(CommandNeeds, AreToldByMatchesAndSysctls) {
  EXPECT_THAT(needs_of_command("iptables -A X -m ipvs --vaddr 10.0.0.1"), ElementsAre("iptables", "ipvs-netlink"));
  EXPECT_THAT(needs_of_command("sysctl -w net.ipv4.vs.conntrack=1"), ElementsAre("ipvs-netlink"));
  EXPECT_THAT(needs_of_command("echo 1 >/proc/sys/net/ipv4/vs/conntrack"), ElementsAre("ipvs-netlink"));
}

// What only looks like a need would keep a lab from kernels that can run it.
TEST(CommandNeeds, AreNotSeenInOtherWords) {
  for (const char* command : {"true", "echo dummy bridge", "iptablesd", "grep type dummies", "cat nftables.conf",
                              "ls /proc/net/ip_conntrack", "ping -c 1 conntrack.example"}) {
    EXPECT_THAT(needs_of_command(command), IsEmpty()) << command;
  }
  EXPECT_THAT(needs_of_command("iptables -A X -m conntrack --ctstate NEW"), ElementsAre("iptables"));
}

}  // namespace
