// What faults promise: exactly that is broken which was asked for, seen from inside as it would be seen on machines,
// and healing leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "lib/base/error.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::RunningLab;
using testing::HasSubstr;
using testing::Not;

constexpr const char* four_nodes = R"(
version: 1
name: four
networks:
  lan: { subnet: 10.0.0.0/24, subnet6: "fd00::/64" }
  other: { subnet: 10.1.0.0/24 }
nodes:
  a:
    links: { lan: 10.0.0.1, other: 10.1.0.1, inner: { kind: bridge, address: ["10.2.0.1/24", "fd02::1/64"] } }
    routes: [10.99.0.0/16 via 10.2.0.9, "fd99::/64 via fd02::9", 10.98.0.0/16 via 10.0.0.2]
  b: { links: { lan: 10.0.0.2 }, workloads: { web: { serve: http, port: 80 } } }
  c: { links: { lan: 10.0.0.3, other: 10.1.0.3 } }
  d: { links: { lan: 10.0.0.4 } }
)";

boost::json::object fault(const std::string& json) {
  return boost::json::parse(json).as_object();
}

bool eventually(const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::string error_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

class FaultsTest : public EachKernel {
 protected:
  static bool reaches(RunningLab& lab, const std::string& from, const std::string& address) {
    return lab.run(from, "ping -c 1 -W 1 " + address).find("1 received") != std::string::npos;
  }
  // Where a bridge's port was moved, its neighbours' requests may be lost in that moment.
  static bool comes_to_reach(RunningLab& lab, const std::string& from, const std::string& address) {
    return eventually([&] { return reaches(lab, from, address); });
  }
};

TEST_P(FaultsTest, APulledCableIsACarrierThatIsLost) {
  RunningLab lab(four_nodes, kernel());
  std::string before = lab.run("a", "ip -4 route show dev lan; ip -o addr show dev lan scope global");
  boost::json::object on = lab.control().inject(fault(R"({"linkDown": "a:lan"})"));
  EXPECT_EQ(on.at("what"), "link a:lan is down");
  EXPECT_THAT(lab.run("a", "ip link show dev lan"), HasSubstr("NO-CARRIER"));
  EXPECT_THAT(lab.run("a", "ip link show dev lan"), HasSubstr(",UP")) << "the node has set nothing down";
  EXPECT_FALSE(reaches(lab, "a", "10.0.0.2"));
  EXPECT_TRUE(reaches(lab, "a", "10.1.0.3")) << "another cable";
  EXPECT_TRUE(reaches(lab, "d", "10.0.0.2")) << "another node";
  EXPECT_THAT(error_of([&] { lab.control().inject(fault(R"({"linkDown": "a:lan"})")); }), HasSubstr("already"));
  EXPECT_EQ(lab.control().faults().size(), 1u);
  lab.control().heal(on.at("id").to_number<std::uint64_t>());
  EXPECT_TRUE(comes_to_reach(lab, "a", "10.0.0.2"));
  EXPECT_EQ(lab.run("a", "ip -4 route show dev lan; ip -o addr show dev lan scope global"), before);
  EXPECT_TRUE(lab.control().faults().empty());
  EXPECT_THAT(lab.events(), HasSubstr("healed: 1: link a:lan is down"));
}

TEST_P(FaultsTest, ALinkThatIsNoCableComesBackWithWhatItHad) {
  RunningLab lab(four_nodes, kernel());
  const char* look =
      "ip -4 route show dev inner; ip -6 route show dev inner | sort; ip -o addr show dev inner scope global";
  std::string before = lab.run("a", look);
  ASSERT_THAT(before, HasSubstr("10.99.0.0/16"));
  ASSERT_THAT(before, HasSubstr("fd99::/64"));
  lab.control().inject(fault(R"({"linkDown": "a:inner"})"));
  EXPECT_THAT(lab.run("a", "ip link show dev inner"), Not(HasSubstr(",UP")));
  EXPECT_THAT(lab.run("a", look), Not(HasSubstr("10.99.0.0/16")));
  lab.control().inject(fault(R"({"linkUp": "a:inner"})"));
  EXPECT_EQ(lab.run("a", look), before);
  EXPECT_THAT(error_of([&] { lab.control().inject(fault(R"({"linkUp": "a:inner"})")); }),
              HasSubstr("no fault \"link a:inner is down\" is on"));
}

TEST_P(FaultsTest, APartitionPartsItsGroupsAndNobodyElse) {
  RunningLab lab(four_nodes, kernel());
  boost::json::object on = lab.control().inject(fault(R"({"partition": {"groups": [["a", "b"], ["c"]]}})"));
  EXPECT_TRUE(comes_to_reach(lab, "a", "10.0.0.2")) << "within a group";
  EXPECT_FALSE(reaches(lab, "a", "10.0.0.3"));
  EXPECT_FALSE(reaches(lab, "c", "10.0.0.2"));
  EXPECT_FALSE(reaches(lab, "a", "10.1.0.3")) << "by no network";
  EXPECT_TRUE(comes_to_reach(lab, "d", "10.0.0.1")) << "who is in no group reaches all";
  EXPECT_TRUE(comes_to_reach(lab, "d", "10.0.0.3"));
  EXPECT_TRUE(comes_to_reach(lab, "c", "10.0.0.4"));
  EXPECT_THAT(lab.run("a", "ip link show dev lan"), HasSubstr("LOWER_UP")) << "nodes see nothing of it";
  EXPECT_THAT(error_of([&] { lab.control().inject(fault(R"({"partition": {"groups": [["a"], ["b"]]}})")); }),
              HasSubstr("parts one of these networks already"));
  lab.control().restart_node("b");
  EXPECT_TRUE(comes_to_reach(lab, "a", "10.0.0.2")) << "it is where it was";
  EXPECT_FALSE(reaches(lab, "c", "10.0.0.2"));
  lab.control().heal_all();
  EXPECT_TRUE(comes_to_reach(lab, "c", "10.0.0.2"));
  EXPECT_TRUE(comes_to_reach(lab, "a", "10.1.0.3"));
  lab.control().inject(fault(R"({"partition": {"groups": [["a"], ["c"]], "networks": ["other"]}})"));
  EXPECT_FALSE(reaches(lab, "a", "10.1.0.3"));
  EXPECT_TRUE(comes_to_reach(lab, "a", "10.0.0.3")) << "that network alone";
}

TEST_P(FaultsTest, APausedServerAcceptsAndNeverAnswers) {
  RunningLab lab(four_nodes, kernel());
  const std::string ask = "curl -s -m 1 -o /dev/null http://10.0.0.2/ -w '%{time_connect} %{http_code}'";
  lab.control().inject(fault(R"({"pause": {"process": "web@b"}})"));
  std::string seen = lab.run("d", ask);
  EXPECT_THAT(seen, HasSubstr(" 000"));
  EXPECT_THAT(seen, Not(HasSubstr("0.000000"))) << "its kernel has accepted";
  lab.control().inject(fault(R"({"resume": {"process": "web@b"}})"));
  EXPECT_THAT(lab.run("d", ask), HasSubstr(" 200"));
  lab.control().inject(fault(R"({"pause": {"process": "web@b"}})"));
  lab.control().restart_process("web@b");
  EXPECT_TRUE(lab.control().faults().empty()) << "the new one is not paused";
}

TEST_P(FaultsTest, APausedNodeDoesNothingAtAll) {
  RunningLab lab(four_nodes, kernel());
  lab.run("b", "setsid sh -c 'while :; do date +%s%N > /run/now; sleep 0.02; done' > /dev/null 2>&1 < /dev/null &");
  ASSERT_TRUE(eventually([&] { return !lab.run("b", "cat /run/now").empty(); }));
  lab.control().inject(fault(R"({"pause": {"node": "b"}})"));
  EXPECT_THAT(error_of([&] { lab.run("b", "true"); }), HasSubstr("it is paused"));
  EXPECT_THAT(lab.run("d", "curl -s -m 1 -o /dev/null http://10.0.0.2/ -w '%{http_code}'"), HasSubstr("000"));
  EXPECT_TRUE(reaches(lab, "d", "10.0.0.2")) << "its kernel goes on";
  lab.control().heal_all();
  std::string now = lab.run("b", "cat /run/now");
  EXPECT_TRUE(eventually([&] { return lab.run("b", "cat /run/now") != now; })) << "it goes on";
  EXPECT_THAT(lab.run("d", "curl -s -m 5 http://10.0.0.2/"), HasSubstr("\"server\":\"b\""));
}

TEST_P(FaultsTest, AnImpairmentIsReplacedByAnotherAndHealedToWhatWas) {
  RunningLab lab(four_nodes, kernel());
  auto queue = [&] { return lab.run("a", "tc qdisc show dev lan"); };
  std::string before = queue();
  auto impair = [&](const std::string& impairment) {
    lab.control().inject(fault(R"({"impair": {"link": "a:lan", "impairment": )" + impairment + "}}"));
  };
  impair(R"({"rate": "1mbit"})");
  EXPECT_THAT(queue(), HasSubstr("tbf"));
  impair(R"({"rate": "2mbit"})");
  EXPECT_THAT(queue(), HasSubstr("rate 2Mbit"));
  EXPECT_EQ(lab.control().faults().size(), 1u) << "it has taken the place of the first";
  lab.control().heal_all();
  EXPECT_EQ(queue(), before);
}

TEST_P(FaultsTest, ADelayIsOfWhatTheNodeSends) {
  RunningLab lab(four_nodes, kernel());
  auto impair = [&] {
    lab.control().inject(fault(R"({"impair": {"link": "a:lan", "impairment": {"delay": "300ms"}}})"));
  };
  if (kernel() == "host") {
    std::string refusal = error_of(impair);
    if (!refusal.empty()) GTEST_SKIP() << "this kernel lacks netem: " << refusal;
  } else {
    impair();
  }
  EXPECT_THAT(lab.run("a", "tc qdisc show dev lan"), HasSubstr("netem"));
  reaches(lab, "d", "10.0.0.1");
  EXPECT_THAT(lab.run("d", "ping -c 1 -W 5 10.0.0.1"), testing::ContainsRegex("time=[3-9][0-9][0-9]"));
  lab.control().heal_all();
  EXPECT_THAT(lab.run("a", "tc qdisc show dev lan"), Not(HasSubstr("netem")));
}

TEST_P(FaultsTest, WhatWasKilledIsHealedByStartingItAgain) {
  RunningLab lab(four_nodes, kernel());
  lab.control().inject(fault(R"({"kill": {"process": "web@b"}})"));
  lab.control().kill_node("a");
  EXPECT_EQ(lab.control().faults().size(), 2u);
  EXPECT_FALSE(reaches(lab, "d", "10.0.0.1"));
  lab.control().heal_all();
  EXPECT_TRUE(comes_to_reach(lab, "d", "10.0.0.1"));
  EXPECT_TRUE(eventually(
      [&] { return lab.run("d", "curl -s -m 5 http://10.0.0.2/").find("\"server\":\"b\"") != std::string::npos; }));
  lab.control().kill_node("a");
  lab.control().restart_node("a");
  EXPECT_TRUE(lab.control().faults().empty()) << "it is as new";
}

TEST_P(FaultsTest, OneThatIsToLastForATimeHealsByItself) {
  RunningLab lab(four_nodes, kernel());
  lab.control().inject(fault(R"({"linkDown": "a:lan"})"), "300ms");
  EXPECT_EQ(lab.control().faults().size(), 1u);
  EXPECT_TRUE(eventually([&] { return lab.control().faults().empty(); }));
  EXPECT_TRUE(comes_to_reach(lab, "a", "10.0.0.2"));
}

TEST_P(FaultsTest, ACableThatIsPartedMayLoseItsNodes) {
  RunningLab lab(R"(
version: 1
name: parted
networks: { wire: { kind: point-to-point, subnet: 10.0.0.0/24 } }
nodes:
  a: { links: { wire: 10.0.0.1 } }
  b: { links: { wire: 10.0.0.2 } }
)",
                 kernel());
  lab.control().inject(fault(R"({"partition": {"groups": [["a"], ["b"]]}})"));
  lab.control().kill_node("a");
  lab.control().restart_node("b");
  lab.control().restart_node("a");
  EXPECT_FALSE(reaches(lab, "b", "10.0.0.1")) << "it is parted as before";
  lab.control().heal_all();
  EXPECT_TRUE(comes_to_reach(lab, "b", "10.0.0.1"));
}

TEST_P(FaultsTest, WhatTheLabDoesNotHaveIsRefused) {
  RunningLab lab(four_nodes, kernel());
  auto refusal = [&](const std::string& json) { return error_of([&] { lab.control().inject(fault(json)); }); };
  EXPECT_THAT(refusal(R"({"linkDown": "a:wlan"})"), HasSubstr("a has no link \"wlan\"; known: lo, "));
  EXPECT_THAT(refusal(R"({"linkDown": "z:lan"})"), HasSubstr("no link \"z:lan\""));
  EXPECT_THAT(refusal(R"({"kill": {"node": "z"}})"), HasSubstr("no node \"z\""));
  EXPECT_THAT(refusal(R"({"pause": {"process": "web@z"}})"), HasSubstr("no process web@z"));
  EXPECT_THAT(refusal(R"({"partition": {"groups": [["a"], ["z"]]}})"), HasSubstr("no node \"z\""));
  EXPECT_THAT(refusal(R"({"partition": {"groups": [["a"], ["c"]], "networks": ["wan"]}})"), HasSubstr("\"wan\""));
  EXPECT_THAT(refusal(R"({"linkdown": "a:lan"})"), HasSubstr("did you mean \"linkDown\"?"));
  EXPECT_THAT(refusal(R"({})"), HasSubstr("which fault?"));
  EXPECT_TRUE(lab.control().faults().empty());
}

INSTANTIATE_TEST_SUITE_P(Kernels, FaultsTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

}  // namespace
