#include "agents/overlay/traffic_rules.h"

#include <gmock/gmock.h>

#include "lib/base/error.h"
#include "tests/unit/private_network.h"

namespace overlay {
namespace {

using netfilter::Iptables;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const netlink::Prefix network = *netlink::Prefix::parse("10.244.0.0/16");
const netlink::Prefix subnet = *netlink::Prefix::parse("10.244.1.0/24");
const char* const jump = "-m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG";

// As iptables-save shows those of flanneld.
TEST(MasqueradeRules, AreFlannels) {
  RuleSet set = masquerade_rules(network, subnet);
  EXPECT_EQ(set.table + " " + set.parent + " " + set.chain, "nat POSTROUTING FLANNEL-POSTRTG");
  EXPECT_EQ(set.jump(), jump);
  EXPECT_THAT(
      set.rules,
      ElementsAre(
          "-m mark --mark 0x4000/0x4000 -m comment --comment \"flanneld masq\" -j RETURN",
          "-s 10.244.1.0/24 -d 10.244.0.0/16 -m comment --comment \"flanneld masq\" -j RETURN",
          "-s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment \"flanneld masq\" -j RETURN",
          "! -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment \"flanneld masq\" -j RETURN",
          "-s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment \"flanneld masq\" -j MASQUERADE --random-fully",
          "! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment \"flanneld masq\" -j MASQUERADE --random-fully"));
}

TEST(ForwardRules, AreFlannels) {
  RuleSet set = forward_rules(network);
  EXPECT_EQ(set.table + " " + set.parent + " " + set.chain, "filter FORWARD FLANNEL-FWD");
  EXPECT_THAT(set.rules, ElementsAre("-s 10.244.0.0/16 -m comment --comment \"flanneld forward\" -j ACCEPT",
                                     "-d 10.244.0.0/16 -m comment --comment \"flanneld forward\" -j ACCEPT"));
}

class TrafficRulesTest : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    try {
      iptables_ = Iptables::choose();
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  std::vector<std::string> rules_of(const std::string& table, const std::string& chain) {
    return iptables_->rules(table)[chain];
  }

  const std::vector<RuleSet> sets_{masquerade_rules(network, subnet), forward_rules(network)};
  std::optional<Iptables> iptables_;
};

// The kernel prints the rules as we wrote them: otherwise they would be written anew each time.
TEST_F(TrafficRulesTest, AreWrittenOnce) {
  TrafficRules rules;
  EXPECT_THAT(rules.ensure(sets_), ElementsAre("nat/FLANNEL-POSTRTG", "filter/FLANNEL-FWD"));
  EXPECT_THAT(rules_of("nat", "FLANNEL-POSTRTG"), sets_[0].rules);
  EXPECT_THAT(rules_of("filter", "FLANNEL-FWD"), sets_[1].rules);
  EXPECT_THAT(rules.ensure(sets_), IsEmpty());
  EXPECT_THAT(TrafficRules().ensure(sets_), IsEmpty()) << "a restart writes them anew";
}

TEST_F(TrafficRulesTest, AreMendedWithoutTouchingOthers) {
  TrafficRules rules;
  rules.ensure(sets_);
  rules.ensure(sets_);
  iptables_->restore("*nat\n-I POSTROUTING -d 1.2.3.4/32 -j RETURN\n-D FLANNEL-POSTRTG 2\nCOMMIT\n");
  EXPECT_THAT(rules.ensure(sets_), ElementsAre("nat/FLANNEL-POSTRTG"));
  EXPECT_THAT(rules_of("nat", "FLANNEL-POSTRTG"), sets_[0].rules);
  EXPECT_THAT(rules_of("nat", "POSTROUTING"), ElementsAre("-d 1.2.3.4/32 -j RETURN", jump));
  iptables_->restore(std::string("*nat\n-D POSTROUTING ") + jump + "\nCOMMIT\n");
  EXPECT_THAT(rules.ensure(sets_), ElementsAre("nat/FLANNEL-POSTRTG"));
  EXPECT_THAT(rules_of("nat", "POSTROUTING"), ElementsAre("-d 1.2.3.4/32 -j RETURN", jump));
}

TEST_F(TrafficRulesTest, FollowANewSubnet) {
  TrafficRules rules;
  rules.ensure(sets_);
  RuleSet moved = masquerade_rules(network, *netlink::Prefix::parse("10.244.9.0/24"));
  EXPECT_THAT(rules.ensure({moved, sets_[1]}), ElementsAre("nat/FLANNEL-POSTRTG"));
  EXPECT_THAT(rules_of("nat", "FLANNEL-POSTRTG"), moved.rules);
}

}  // namespace
}  // namespace overlay
