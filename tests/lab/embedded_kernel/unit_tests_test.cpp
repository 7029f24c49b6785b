// Unit tests skip what the host's kernel lacks. Here they run on a kernel that has it, and none may be skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::OnAnEmbeddedKernel;
using running_lab::RunningLab;
using testing::HasSubstr;
using testing::Not;

class UnitTests : public OnAnEmbeddedKernel {
 protected:
  // Every program in one guest, in a node of its own.
  static void SetUpTestSuite() {
    OnAnEmbeddedKernel::SetUpTestSuite();
    // The tree may be where labs see nothing of the host's: in a home directory, or below /tmp.
    std::string topology = "version: 1\nname: unit-tests\nmounts: [{source: \"" UNIT_TESTS "\"}, {source: \"" SOURCE_DIR
                           "/tests\"}]\nnodes:\n";
    for (const char* node : {"links", "netfilter", "plan", "proxy", "overlay", "nodelet"}) {
      topology += std::string("  ") + node + ": {}\n";
    }
    if (obstacle().empty()) lab = std::make_unique<RunningLab>(topology, "uml");
  }
  static void TearDownTestSuite() { lab.reset(); }

  // Runs the tests of PROGRAM that FILTER chooses. There are some, all pass, none is skipped.
  static void expect_passes(const std::string& node, const std::string& program, const std::string& filter) {
    std::string said = lab->run(node, UNIT_TESTS "/" + program + " --gtest_filter='" + filter + "'");
    EXPECT_THAT(said, HasSubstr("[  PASSED  ]"));
    EXPECT_THAT(said, Not(HasSubstr("[  PASSED  ] 0 tests")));
    EXPECT_THAT(said, Not(HasSubstr("FAILED")));
    EXPECT_THAT(said, Not(HasSubstr("SKIPPED")));
  }

  static inline std::unique_ptr<RunningLab> lab;
};

TEST_F(UnitTests, OfLinks) {
  expect_passes("links", "unit_lib_netlink", "Links.*:Routes.*:Rules.*:Impairments.*:Tables.*");
}

TEST_F(UnitTests, OfVirtualServicesSetsAndConnections) {
  expect_passes("netfilter", "unit_lib_netfilter", "IpvsTest.*:IpSetTest.*:ConntrackTest.*");
}

TEST_F(UnitTests, OfTheLegacyIptables) {
  expect_passes("netfilter", "unit_lib_netfilter", "IptablesTest.StaysWithTheVariant*:*TellsChangesFromTraffic/1");
}

TEST_F(UnitTests, OfPlansWrittenAsShell) {
  // They cover /run, by which this kernel finds the modules that somebody asks for.
  lab->run("plan", "iptables -S; ip6tables -S");
  expect_passes("plan", "unit_labctl_plan", "PlanShell.*");
}

TEST_F(UnitTests, OfTheProxy) {
  expect_passes("proxy", "unit_agents_proxy",
                "LinuxKernelTest.*:*KernelRules.*/2:*KernelRules.*/3:ModeChanges*:Packets.*");
}

TEST_F(UnitTests, OfTheOverlay) {
  expect_passes("overlay", "unit_agents_overlay", "OverlayTest.*:VxlanTest.*:TrafficRulesTest.*");
}

TEST_F(UnitTests, OfHostPorts) {
  expect_passes("nodelet", "unit_agents_nodelet", "HostPortsTest.*:PodHostPortsTest.*");
}

}  // namespace
