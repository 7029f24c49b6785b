// Rules of policy routing, by the kernel that is here, as ip-rule(8) sees them.
#include "lib/netlink/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Prefix prefix(const std::string& text) {
  return *Prefix::parse(text);
}

class Rules : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (!IsSkipped()) socket_.emplace();
  }
  Socket& socket() { return *socket_; }

 private:
  std::optional<Socket> socket_;
};

Rule every_selector() {
  Rule rule;
  rule.from = prefix("10.1.0.0/16");
  rule.to = prefix("10.2.0.0/24");
  rule.mark = 0x10;
  rule.mask = 0xf0;
  rule.input = "lan";
  rule.output = "wan";
  rule.table = 1000;
  rule.priority = 77;
  return rule;
}

TEST_F(Rules, OfEverySelectorComeAndGo) {
  Rule rule = every_selector();
  add_rule(socket(), rule);
  EXPECT_THAT(base::run_checked({"ip", "rule", "show"}),
              HasSubstr("from 10.1.0.0/16 to 10.2.0.0/24 fwmark 0x10/0xf0 iif lan [detached] oif wan [detached] "
                        "lookup 1000"));
  EXPECT_THAT(list_rules(socket(), AF_INET), Contains(rule));
  delete_rule(socket(), rule);
  EXPECT_THAT(list_rules(socket(), AF_INET), Not(Contains(rule)));
}

TEST_F(Rules, TheKernelsPriorityIsKnown) {
  Rule rule;
  rule.from = prefix("10.1.0.5/16");  // the kernel keeps the network
  rule.table = 1000;
  rule.priority = 40;
  EXPECT_EQ(add_rule(socket(), rule), 40u);
  rule.priority.reset();
  std::uint32_t chosen = add_rule(socket(), rule);
  EXPECT_NE(chosen, 40u);
  rule.priority = chosen;
  delete_rule(socket(), rule);
  EXPECT_THAT(base::run_checked({"ip", "rule", "show"}), HasSubstr("40:\tfrom 10.1.0.0/16 lookup 1000"));
}

TEST_F(Rules, OfIpv6ComeAndGo) {
  Rule rule;
  rule.family = AF_INET6;
  rule.from = prefix("fd00:1::/64");
  rule.table = 100;
  rule.priority = 5;
  add_rule(socket(), rule);
  EXPECT_THAT(base::run_checked({"ip", "-6", "rule", "show"}), HasSubstr("5:\tfrom fd00:1::/64 lookup 100"));
  EXPECT_THAT(list_rules(socket(), AF_INET6), Contains(rule));
  delete_rule(socket(), rule);
  EXPECT_THAT(list_rules(socket(), AF_INET6), Not(Contains(rule)));
}

TEST_F(Rules, AreRefusedInTheKernelsWords) {
  add_rule(socket(), every_selector());
  try {
    add_rule(socket(), every_selector());
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(),
                 "add rule from 10.1.0.0/16 to 10.2.0.0/24 fwmark 0x10/0xf0 iif lan oif wan lookup 1000 priority 77: "
                 "File exists");
  }
}

TEST(RuleWords, LeaveOutWhatMatchesEverything) {
  Rule rule;
  rule.table = 254;
  EXPECT_EQ(rule_words(rule), "from all lookup main");
}

}  // namespace
