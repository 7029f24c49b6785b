// Rulesets as text: there before anything runs, also after a restart, and refused in the words of their program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "labctl/kernel/provider.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::OnWhateverKernel;
using running_lab::RunningLab;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* with_rulesets = R"(
version: 1
name: rulesets
nodes:
  a:
    ipset: |
      create banned hash:ip
      add banned 10.0.0.9
    iptables: |
      *filter
      -A INPUT -m set --match-set banned src -j DROP
      COMMIT
    ip6tables: |
      *filter
      -A INPUT -p tcp --dport 23 -j DROP
      COMMIT
    workloads: { first: { run: "iptables-save > /run/rules; exec sleep 1000", ready: { file: /run/rules } } }
)";

class RulesetsTest : public EachKernel {
 protected:
  static void expect_loaded(RunningLab& lab) {
    EXPECT_THAT(lab.run("a", "cat /run/rules"), HasSubstr("--match-set banned src -j DROP"));
    EXPECT_THAT(lab.run("a", "ipset list banned"), HasSubstr("10.0.0.9"));
    EXPECT_THAT(lab.run("a", "ip6tables-save"), HasSubstr("--dport 23 -j DROP"));
  }
};

TEST_P(RulesetsTest, AreThereBeforeWorkloadsAndAfterARestart) {
  RunningLab lab(with_rulesets, kernel());
  expect_loaded(lab);
  lab.run("a", "iptables -F; ip6tables -F; ipset destroy");
  lab.control().restart_node("a");
  // The processes of a restarted node have been started, and may not be ready.
  lab.run("a", "for i in $(seq 100); do test -s /run/rules && break; sleep 0.1; done");
  expect_loaded(lab);
}

INSTANTIATE_TEST_SUITE_P(On, RulesetsTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

std::string failure_of(const std::string& node, const std::string& kernel) {
  try {
    RunningLab lab("version: 1\nname: bad\nnodes:\n  a:\n" + node, kernel);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "it is ready";
}

TEST_P(RulesetsTest, AreRefusedInTheWordsOfTheirProgram) {
  EXPECT_THAT(failure_of("    iptables: |\n      *filter\n      -A NOWHERE -j DROP\n      COMMIT\n", kernel()),
              AllOf(HasSubstr("node a: load the ruleset of iptables: iptables-"), HasSubstr("line")));
  EXPECT_THAT(failure_of("    ipset: |\n      create banned hash:nothing\n", kernel()),
              AllOf(HasSubstr("node a: load the ruleset of ipset: ipset: "), HasSubstr("hash:nothing")));
}

class NftablesTest : public OnWhateverKernel {
 protected:
  // No embedded kernel has them.
  void SetUp() override {
    kernel::NeedStatus nftables = kernel::make_host_provider()->serves({"nftables"}).front();
    if (!nftables.works) GTEST_SKIP() << "the host's kernel lacks nftables: " << nftables.why;
  }
};

TEST_F(NftablesTest, AreLoadedWhereTheKernelHasThem) {
  RunningLab lab(R"(
version: 1
name: nftables
nodes:
  a:
    nftables: |
      table inet filter {
        chain input { type filter hook input priority 0; tcp dport 23 counter drop; }
      }
)",
                 "host");
  EXPECT_THAT(lab.run("a", "nft list ruleset"), HasSubstr("tcp dport 23 counter packets 0 bytes 0 drop"));
}

}  // namespace
