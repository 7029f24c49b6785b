#include "lib/netfilter/rule_counters.h"

#include <gmock/gmock.h>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "tests/unit/private_network.h"

namespace {

using netfilter::counted_rules;
using netfilter::CountedRule;
using netfilter::Iptables;

TEST(CountedSave, TellsRulesFromAllElse) {
  std::vector<CountedRule> rules = netfilter::parse_counted_save(
      "iptables-x",
      "# Generated\n*nat\n:POSTROUTING ACCEPT [5:300]\n"
      "[3:180] -A POSTROUTING -m comment --comment \"a [1:2] -A x\" -j RETURN\n[0:0] -A KUBE\n[x:0] -A KUBE\nCOMMIT");
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].program, "iptables-x");
  EXPECT_EQ(rules[0].chain, "POSTROUTING");
  EXPECT_EQ(rules[0].rule, "-m comment --comment \"a [1:2] -A x\" -j RETURN");
  EXPECT_EQ(rules[0].packets, 3u);
  EXPECT_EQ(rules[0].bytes, 180u);
  EXPECT_EQ(rules[1].chain, "KUBE");
  EXPECT_EQ(rules[1].rule, "");
}

class CountedRules : public PrivateNetwork {};

TEST_F(CountedRules, AreFoundInEitherVariantAndCount) {
  for (Iptables::Variant variant : {Iptables::Variant::nft, Iptables::Variant::legacy}) {
    Iptables iptables(Iptables::Family::ipv4, variant);
    netfilter::IptablesTable table("filter");
    table.append("OUTPUT", "-d 127.0.0.9/32 -j DROP");
    try {
      iptables.restore(table.text());
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  base::run_command({"sh", "-c", "ping -c 1 -W 0.1 127.0.0.9"});
  std::vector<CountedRule> rules = counted_rules(Iptables::Family::ipv4, "filter");
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].program, "iptables-nft");
  EXPECT_EQ(rules[1].program, "iptables-legacy");
  EXPECT_EQ(rules[1].rule, "-d 127.0.0.9/32 -j DROP");
  EXPECT_EQ(rules[0].packets + rules[1].packets, 1u) << "the first of them drops it";
}

TEST_F(CountedRules, ThatAreLookedForBringNoTableToLife) {
  EXPECT_TRUE(counted_rules(Iptables::Family::ipv4, "mangle").empty());
  EXPECT_EQ(base::run_checked({"cat", "/proc/net/ip_tables_names"}).find("mangle"), std::string::npos);
}

}  // namespace
