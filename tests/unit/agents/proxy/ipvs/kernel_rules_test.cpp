// The rules and sets on this machine's kernel: both variants of iptables must take every rule, and print it as we write
// it, or the proxy would write it again and again.
#include <gmock/gmock.h>

#include "lib/base/error.h"
#include "lib/netfilter/ipset/ipset.h"
#include "lib/netfilter/iptables.h"
#include "tests/unit/agents/proxy/ipvs/full_state.h"
#include "tests/unit/agents/proxy/real_tables.h"
#include "tests/unit/private_network.h"

namespace proxy::ipvs {
namespace {

using netfilter::Iptables;

class KernelRules : public PrivateNetwork, public testing::WithParamInterface<std::tuple<Iptables::Variant, Family>> {
 protected:
  Family family() const { return std::get<Family>(GetParam()); }
  Iptables iptables() const {
    return Iptables(family() == Family::ipv4 ? Iptables::Family::ipv4 : Iptables::Family::ipv6,
                    std::get<Iptables::Variant>(GetParam()));
  }
};

TEST_P(KernelRules, AreTakenAndPrintedAsTheyAreWritten) {
  State state = full_state(family());
  netfilter::IpSets sets;
  for (const SetContents& set : state.sets) {
    ASSERT_FALSE(set.entries.empty()) << set.definition.name;
    sets.create(set.definition);
  }
  RealTables kernel(iptables());
  try {
    iptables().restore("*nat\nCOMMIT\n*filter\nCOMMIT\n");
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(RuleProgrammer(kernel).apply(state.rules).size(), 11U + 9U);
  RuleProgrammer second(kernel);
  EXPECT_THAT(second.apply(state.rules), testing::IsEmpty());
  EXPECT_EQ(kernel.writes, 1);
  second.remove(state.rules);
  for (const auto& [table, chains] : kernel.read_rules()) {
    for (const auto& [chain, rules] : chains) EXPECT_THAT(rules, testing::IsEmpty()) << table << " " << chain;
    EXPECT_EQ(chains.count("KUBE-SERVICES"), 0U);
  }
}

TEST_P(KernelRules, EntriesOfSetsArePrintedAsTheyAreWritten) {
  State state = full_state(family());
  netfilter::IpSets sets;
  for (const SetContents& set : state.sets) {
    std::vector<std::string> wanted;
    for (const auto& [entry, owners] : set.entries) wanted.push_back(entry);
    sets.create(set.definition);
    sets.add(set.definition.name, wanted);
    EXPECT_THAT(sets.list(set.definition.name)->entries, testing::UnorderedElementsAreArray(wanted))
        << set.definition.name;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryVariant, KernelRules,
                         testing::Combine(testing::Values(Iptables::Variant::nft, Iptables::Variant::legacy),
                                          testing::Values(Family::ipv4, Family::ipv6)));

}  // namespace
}  // namespace proxy::ipvs
