#include "agents/proxy/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Keeps tables as iptables-restore and iptables-save do, as far as RuleProgrammer uses them.
class FakeTables : public TablesInKernel {
 public:
  std::map<std::string, netfilter::IptablesRules> read_rules() override {
    ++reads;
    return tables;
  }
  void restore_rules(const std::string& text) override {
    restored.push_back(text);
    std::string table;
    for (size_t begin = 0; begin < text.size();) {
      size_t end = text.find('\n', begin);
      take(text.substr(begin, end - begin), table);
      begin = end + 1;
    }
  }
  std::optional<std::uint64_t> rules_fingerprint() override { return generation; }

  // What somebody else does.
  netfilter::IptablesRules& change(const std::string& table) {
    if (generation) ++*generation;
    return tables[table];
  }

  std::map<std::string, netfilter::IptablesRules> tables{{"nat", {{"PREROUTING", {"-j OTHER"}}}}};
  std::vector<std::string> restored;
  std::optional<std::uint64_t> generation = 1;
  std::pair<std::string, std::string> spelling;  // printed otherwise than written
  int reads = 0;
  std::string refused;  // a table

 private:
  void take(const std::string& line, std::string& table) {
    if (line[0] == '*') table = line.substr(1);
    if (table == refused) throw base::Error("iptables-restore: no");
    if (line == "COMMIT" && generation) ++*generation;
    if (line[0] == ':') tables[table][line.substr(1, line.find(' ') - 1)].clear();
    if (line[0] != '-') return;
    size_t space = line.find(' ', 3);
    std::string chain = line.substr(3, space - 3);
    std::string rule = space == std::string::npos ? "" : line.substr(space + 1);
    if (rule == spelling.first) rule = spelling.second;
    std::vector<std::string>& rules = tables[table][chain];
    if (line[1] == 'A') rules.push_back(rule);
    if (line[1] == 'I') rules.insert(rules.begin(), rule);
    if (line[1] == 'D') rules.erase(std::find(rules.begin(), rules.end(), rule));
    if (line[1] == 'X') tables[table].erase(chain);
  }
};

RuleSet two_chains() {
  RuleSet rules;
  rules["nat"] = {{{"A", {"-j B"}}, {"B", {"-j ACCEPT", "-j RETURN"}}}, {{"PREROUTING", "A", "way to A"}}};
  return rules;
}

class RuleProgrammerTest : public testing::Test {
 protected:
  FakeTables kernel;
  RuleProgrammer programmer{kernel};
};

TEST_F(RuleProgrammerTest, WritesWhatIsMissing) {
  EXPECT_THAT(programmer.apply(two_chains()), ElementsAre("nat A", "nat B", "nat PREROUTING -> A"));
  EXPECT_THAT(kernel.tables["nat"]["B"], ElementsAre("-j ACCEPT", "-j RETURN"));
  EXPECT_THAT(kernel.tables["nat"]["PREROUTING"], ElementsAre("-m comment --comment \"way to A\" -j A", "-j OTHER"));
}

TEST_F(RuleProgrammerTest, ASecondTimeCostsNothing) {
  programmer.apply(two_chains());
  kernel.reads = 0;
  programmer.verify();
  EXPECT_THAT(programmer.apply(two_chains()), IsEmpty());
  EXPECT_EQ(kernel.restored.size(), 1U);
  EXPECT_EQ(kernel.reads, 0);
}

TEST_F(RuleProgrammerTest, WhatIsThereAlreadyIsNotTouched) {
  RuleProgrammer(kernel).apply(two_chains());
  EXPECT_THAT(programmer.apply(two_chains()), IsEmpty());
  EXPECT_EQ(kernel.restored.size(), 1U);
}

TEST_F(RuleProgrammerTest, OnlyTheChainThatDiffersIsWritten) {
  programmer.apply(two_chains());
  RuleSet changed = two_chains();
  changed["nat"].chains[1].rules = {"-j DROP"};
  EXPECT_THAT(programmer.apply(changed), ElementsAre("nat B"));
  EXPECT_THAT(kernel.restored.back(), Not(HasSubstr(":A ")));
}

TEST_F(RuleProgrammerTest, RepairsWhatSomebodyElseHasChanged) {
  programmer.apply(two_chains());
  kernel.change("nat")["B"].pop_back();
  kernel.change("nat")["PREROUTING"].clear();
  EXPECT_THAT(programmer.apply(two_chains()), IsEmpty()) << "it does not know yet";
  programmer.verify();
  EXPECT_THAT(programmer.apply(two_chains()), ElementsAre("nat B", "nat PREROUTING -> A"));
}

// Its own writing changes the fingerprint, and must not hide what was done before.
TEST_F(RuleProgrammerTest, AChangeByOthersIsNotHiddenByOnesOwn) {
  programmer.apply(two_chains());
  kernel.change("nat")["A"].clear();
  RuleSet changed = two_chains();
  changed["nat"].chains[1].rules = {"-j DROP"};
  EXPECT_THAT(programmer.apply(changed), ElementsAre("nat A", "nat B"));
}

TEST_F(RuleProgrammerTest, ReadsEachTimeWhereTheKernelDoesNotTellOfChanges) {
  kernel.generation.reset();
  programmer.apply(two_chains());
  kernel.tables["nat"]["B"].clear();
  programmer.verify();
  EXPECT_THAT(programmer.apply(two_chains()), ElementsAre("nat B"));
}

TEST_F(RuleProgrammerTest, LearnsHowThisVersionPrintsARule) {
  kernel.spelling = {"-j RETURN", "-m all -j RETURN"};
  programmer.apply(two_chains());
  kernel.change("nat");
  programmer.verify();
  EXPECT_THAT(programmer.apply(two_chains()), ElementsAre("nat B"));
  for (int i = 0; i < 3; ++i) {
    kernel.change("nat");
    programmer.verify();
    EXPECT_THAT(programmer.apply(two_chains()), IsEmpty());
  }
}

TEST_F(RuleProgrammerTest, AJumpIsKnownHoweverItIsPrinted) {
  kernel.spelling = {"-m comment --comment \"way to A\" -j A", "-m comment --comment \"way to A\" -m all -j A"};
  programmer.apply(two_chains());
  kernel.change("nat");
  programmer.verify();
  EXPECT_THAT(programmer.apply(two_chains()), IsEmpty());
}

// Each table is written at once, but not all of them: one may be there when another is refused.
TEST_F(RuleProgrammerTest, ARefusalIsTriedAgain) {
  RuleSet rules = two_chains();
  rules["raw"] = {{{"C", {"-j ACCEPT"}}}, {}};
  kernel.refused = "raw";
  EXPECT_THROW(programmer.apply(rules), base::Error);
  kernel.refused.clear();
  EXPECT_THAT(programmer.apply(rules), ElementsAre("raw C"));
}

TEST_F(RuleProgrammerTest, TakesAwayItsChainsAndJumpsAndNothingElse) {
  auto before = kernel.tables;
  programmer.apply(two_chains());
  kernel.change("nat")["B"].push_back("-j LOG");
  programmer.remove(two_chains());
  EXPECT_EQ(kernel.tables, before);
  programmer.remove(two_chains());
  EXPECT_EQ(kernel.restored.size(), 2U) << "there was nothing to take away";
}

// As a Service's chain that leads to an endpoint's.
RuleSet generated(const std::vector<std::string>& endpoints) {
  RuleSet rules;
  Table& nat = rules["nat"];
  nat.prefixes = {"SVC-", "SEP-"};
  nat.chains = {{"SVC-1", {}, "default/web"}};
  for (const std::string& endpoint : endpoints) {
    nat.chains[0].rules.push_back("-j SEP-" + endpoint);
    nat.chains.push_back({"SEP-" + endpoint, {"-j ACCEPT"}});
  }
  return rules;
}

TEST_F(RuleProgrammerTest, ChainsThatNobodyLeadsToAnyLongerGo) {
  kernel.change("nat")["SEPARATE"] = {"-j ACCEPT"};
  programmer.apply(generated({"a", "b"}));
  EXPECT_THAT(programmer.apply(generated({"b"})), ElementsAre("nat SVC-1 (default/web)", "nat SEP-a (deleted)"));
  EXPECT_THAT(kernel.restored.back(), Not(HasSubstr("SEP-b -")));
  EXPECT_EQ(kernel.tables["nat"].count("SEP-a"), 0U);
  EXPECT_EQ(kernel.tables["nat"].count("SEPARATE"), 1U);
  kernel.reads = 0;
  EXPECT_THAT(programmer.apply(generated({"b"})), IsEmpty());
  EXPECT_EQ(kernel.reads, 0) << "it knows that they are gone";
}

TEST_F(RuleProgrammerTest, ChainsThatAnEarlierRunHasLeftGo) {
  RuleProgrammer(kernel).apply(generated({"a"}));
  EXPECT_THAT(programmer.apply(generated({"b"})),
              ElementsAre("nat SVC-1 (default/web)", "nat SEP-b", "nat SEP-a (deleted)"));
}

TEST_F(RuleProgrammerTest, RemovesChainsByTheirPrefix) {
  auto before = kernel.tables;
  programmer.apply(generated({"a"}));
  RuleSet ours;
  ours["nat"].prefixes = {"SVC-", "SEP-"};
  EXPECT_THAT(programmer.remove(ours), ElementsAre("nat SEP-a", "nat SVC-1"));
  EXPECT_EQ(kernel.tables, before);
}

// The kernel keeps a chain that something leads to: another mode, or somebody's own rule.
TEST_F(RuleProgrammerTest, RemovesWhateverLeadsToItsChains) {
  programmer.apply(two_chains());
  kernel.change("nat")["OUTPUT"] = {"-p tcp -j B", "-p tcp -j BEYOND"};
  EXPECT_THAT(programmer.remove(two_chains()), ElementsAre("nat OUTPUT -> B", "nat PREROUTING -> A", "nat A", "nat B"));
  EXPECT_THAT(kernel.tables["nat"]["OUTPUT"], ElementsAre("-p tcp -j BEYOND"));
}

// What a fingerprint does not show.
TEST_F(RuleProgrammerTest, WhatItForgetsIsReadAnew) {
  programmer.apply(two_chains());
  kernel.tables["nat"]["B"].clear();
  programmer.verify();
  EXPECT_THAT(programmer.apply(two_chains()), IsEmpty());
  programmer.forget();
  EXPECT_THAT(programmer.apply(two_chains()), ElementsAre("nat B"));
}

TEST_F(RuleProgrammerTest, AfterARefusalItReadsWhateverTheFingerprintSays) {
  programmer.apply(two_chains());
  RuleSet changed = two_chains();
  changed["nat"].chains[1].rules = {"-j DROP"};
  kernel.refused = "nat";
  EXPECT_THROW(programmer.apply(changed), base::Error);
  kernel.refused.clear();
  kernel.tables["nat"]["A"].clear();
  EXPECT_THAT(programmer.apply(changed), ElementsAre("nat A", "nat B"));
}

TEST(Jumps, AreWrittenAsTheyArePrinted) {
  EXPECT_EQ((Jump{"INPUT", "A", "way to A", "-m conntrack --ctstate NEW"}.rule()),
            "-m conntrack --ctstate NEW -m comment --comment \"way to A\" -j A");
  EXPECT_EQ((Jump{"INPUT", "A"}.rule()), "-j A");
}

TEST(RuleSets, WithoutThoseOfAnother) {
  RuleSet other;
  other["nat"] = {{{"B", {"-j DROP"}}}, {{"PREROUTING", "A", "another way to A"}}};
  RuleSet rest = without(two_chains(), other);
  ASSERT_EQ(rest["nat"].chains.size(), 1U);
  EXPECT_EQ(rest["nat"].chains[0].name, "A");
  EXPECT_EQ(rest["nat"].jumps.size(), 1U) << "a jump is the same where its rule is";
  EXPECT_THAT(without(two_chains(), two_chains())["nat"].jumps, IsEmpty());
}

}  // namespace
}  // namespace proxy
