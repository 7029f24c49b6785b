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

}  // namespace
}  // namespace proxy
