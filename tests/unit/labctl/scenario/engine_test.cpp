#include "labctl/scenario/engine.h"

#include <gmock/gmock.h>

#include <chrono>

#include "tests/unit/labctl/scenario/fake_lab.h"

namespace scenario {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = StepResult::Outcome;
using Clock = std::chrono::steady_clock;

class EngineTest : public testing::Test {
 protected:
  std::vector<StepResult> run(const std::string& steps) {
    topology_ = topology::parse(R"(
version: 1
name: lab
networks: {lan: {subnet: 10.0.0.0/24}}
nodes:
  client: {links: {lan: 10.0.0.1}, workloads: {web: {serve: http}}}
  ds:
    links: {lan: 10.0.0.2}
    ipvs: [{service: "tcp://10.10.0.1:80", servers: ["10.0.0.1:80"]}]
  standby: {links: {lan: 10.0.0.3}, workloads: {balancer: {keepalived: "virtual_server 10.10.0.2 80 {}"}}}
cluster: {controlPlane: ds, workers: [client], network: lan}
scenario:
)" + steps,
                                "t.yaml");
    engine_.emplace(lab_, topology_);
    return engine_->run(
        {[this](const std::string& what) { begun_.push_back(what); }, [this](const StepResult&) { ++ended_steps_; }});
  }

  // The COUNT-th look is the first that finds it.
  void found_at_look(int count) {
    lab_.answer = [count, looks = 0](const lab::Command& command) mutable {
      bool probe = is_program(command, "probe");
      return probe && ++looks < count ? probed({failed("refused")}) : probed({answered("rs1")});
    };
  }

  topology::Topology topology_;
  FakeLab lab_;
  std::optional<Engine> engine_;
  std::vector<std::string> begun_;
  int ended_steps_ = 0;
};

TEST_F(EngineTest, RunsStepsInTheirOrderUpToTheFirstThatFails) {
  lab_.answer = [](const lab::Command& command) { return ended(command.arguments.back() == "two" ? 3 : 0, "why"); };
  auto results = run(
      "  - do: {on: client, run: one}\n  - {name: the second, do: {on: ds, run: two}}\n  - do: {on: ds, run: three}\n");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].outcome, Outcome::passed);
  EXPECT_EQ(results[0].what, "on client: one");
  EXPECT_EQ(results[1].outcome, Outcome::failed);
  EXPECT_EQ(results[1].seen, "exit code 3\nwhy");
  EXPECT_EQ(results[1].at.line, 14u);
  EXPECT_EQ(results[2].outcome, Outcome::not_run);
  EXPECT_THAT(begun_, ElementsAre("on client: one", "the second"));
  EXPECT_EQ(ended_steps_, 3);
}

TEST_F(EngineTest, ShowsTheFirstLineOfAScript) {
  auto results = run("  - do: {on: client, run: \"one\\ntwo\\n\"}\n  - do: {on: client, run: \"one\\n\"}\n");
  EXPECT_EQ(results[0].what, "on client: one …");
  EXPECT_EQ(results[1].what, "on client: one");
}

TEST_F(EngineTest, LooksOnceWithoutWithin) {
  found_at_look(2);
  auto results = run("  - expect: {from: client, tcp: 'x:1'}\n");
  EXPECT_EQ(results[0].outcome, Outcome::failed);
  EXPECT_EQ(results[0].looks, 1u);
  EXPECT_EQ(results[0].expected, "client reaches by TCP x:1");
}

TEST_F(EngineTest, LooksAgainUntilItHolds) {
  found_at_look(3);
  auto results = run("  - expect: {from: client, tcp: 'x:1', within: 60s}\n");
  EXPECT_EQ(results[0].outcome, Outcome::passed);
  EXPECT_EQ(results[0].looks, 3u);
  EXPECT_LT(results[0].took, milliseconds(5000)) << "and no longer";
}

TEST_F(EngineTest, GivesUpAtTheDeadlineAndNotBefore) {
  found_at_look(1000000);
  auto results = run("  - expect: {from: client, tcp: 'x:1', within: 300ms}\n");
  EXPECT_EQ(results[0].outcome, Outcome::failed);
  EXPECT_GE(results[0].took, milliseconds(300));
  EXPECT_GT(results[0].looks, 2u);
  EXPECT_EQ(results[0].expected, "client reaches by TCP x:1, within 300 ms");
  EXPECT_THAT(results[0].seen, HasSubstr("refused after"));
}

TEST_F(EngineTest, AnErrorIsSomethingThatWasSeenAndMayPass) {
  lab_.answer = [looks = 0](const lab::Command&) mutable -> lab::CommandResult {
    if (++looks < 3) throw base::Error("no such pod yet");
    return probed({answered("rs1")});
  };
  EXPECT_EQ(run("  - expect: {from: client, tcp: 'x:1', within: 60s}\n")[0].outcome, Outcome::passed);
  lab_.answer = [](const lab::Command&) -> lab::CommandResult { throw base::Error("the lab is dead"); };
  auto results = run("  - expect: {from: client, tcp: 'x:1', fails: any}\n");
  EXPECT_EQ(results[0].outcome, Outcome::failed) << "a lab that is gone is no proof that something is unreachable";
  EXPECT_EQ(results[0].seen, "the lab is dead");
}

TEST_F(EngineTest, RunsKubectlWithWordsAsAShellWouldSplitThem) {
  auto results = run("  - kubectl: \"label pod web 'a b=c' --overwrite ${node:ds:ip}\"\n");
  EXPECT_EQ(results[0].outcome, Outcome::passed);
  EXPECT_THAT(lab_.calls, ElementsAre("kubectl|label|pod|web|a b=c|--overwrite|10.0.0.2"));
  lab_.kubectl_result = ended(1, "Error from server (NotFound)");
  EXPECT_THAT(run("  - kubectl: get x\n")[0].seen, HasSubstr("NotFound"));
}

TEST_F(EngineTest, AsksTheLabForFaultsAndHealsThem) {
  auto results =
      run("  - fault: {kill: {process: web@client}}\n  - fault: {kill: {pod: shell}}\n"
          "  - fault: {linkDown: 'ds:lan'}\n  - heal: {linkDown: 'ds:lan'}\n"
          "  - fault: {partition: [[client], [ds]]}\n  - fault: {restart: {process: proxy@client}}\n  - heal: all\n");
  for (const StepResult& result : results) EXPECT_EQ(result.outcome, Outcome::passed) << result.seen;
  EXPECT_THAT(lab_.calls,
              ElementsAre(R"({"kill":{"process":"web@client"}})", R"({"kill":{"pod":"default/shell"}})",
                          R"({"linkDown":"ds:lan"})", "heal 3", R"({"partition":{"groups":[["client"],["ds"]]}})",
                          R"({"restart":{"process":"proxy@client"}})", "heal all"));
  EXPECT_EQ(results[0].what, "fault: process web@client is killed");
  EXPECT_EQ(results[3].what, "healed: link ds:lan is down");
  EXPECT_EQ(results[4].what, "fault: partition of all networks: client | ds");
}

TEST_F(EngineTest, HealsWhatIsOverByItself) {
  auto results =
      run("  - fault: {kill: {process: web@client}}\n  - do: {on: client, run: back}\n"
          "  - heal: {kill: {process: web@client}}\n");
  EXPECT_EQ(lab_.calls.back(), "heal 1");
  lab_.answer = [this](const lab::Command&) { return lab_.fault_list.clear(), printed(""); };
  lab_.calls.clear();
  results =
      run("  - fault: {kill: {process: web@client}}\n  - do: {on: client, run: back}\n"
          "  - heal: {kill: {process: web@client}}\n");
  EXPECT_EQ(results[2].outcome, Outcome::passed) << results[2].seen;
  EXPECT_THAT(lab_.calls, ElementsAre(R"({"kill":{"process":"web@client"}})"));
}

TEST_F(EngineTest, AFailureSaysWhatReferencesStoodFor) {
  found_at_look(1000000);
  auto results = run("  - expect: {from: client, tcp: '${node:ds:ip}:1'}\n");
  EXPECT_EQ(results[0].expected, "client reaches by TCP 10.0.0.2:1");
}

TEST_F(EngineTest, WhatDoesNotStayOnCannotBeHealed) {
  auto results = run("  - fault: {restart: {process: proxy@client}}\n  - heal: {restart: {process: proxy@client}}\n");
  EXPECT_EQ(results[1].outcome, Outcome::failed);
  EXPECT_EQ(results[1].seen, "restart process proxy@client: it does not stay on");
}

TEST_F(EngineTest, AppliesAnObject) {
  auto results =
      run("  - apply: {apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {ip: '${node:ds:ip}'}}\n");
  EXPECT_EQ(results[0].outcome, Outcome::passed) << results[0].seen;
  EXPECT_EQ(results[0].what, "apply ConfigMap x");
  EXPECT_THAT(lab_.calls, ElementsAre(R"(kubectl|apply|-f|- < {"apiVersion":"v1","kind":"ConfigMap",)"
                                      R"("metadata":{"name":"x"},"data":{"ip":"10.0.0.2"}})"));
}

TEST_F(EngineTest, LetsTimePass) {
  auto results = run("  - wait: 200ms\n");
  EXPECT_EQ(results[0].what, "wait 200 ms");
  EXPECT_GE(results[0].took, milliseconds(200));
}

TEST_F(EngineTest, AlwaysMeansAtEveryLook) {
  found_at_look(0);
  auto results = run("  - expect: {from: client, tcp: 'x:1', always: 300ms}\n");
  EXPECT_EQ(results[0].outcome, Outcome::passed);
  EXPECT_EQ(results[0].expected, "client reaches by TCP x:1, always, for 300 ms");
  EXPECT_GE(results[0].took, milliseconds(300));
  EXPECT_GT(results[0].looks, 2u);
  lab_.answer = [looks = 0](const lab::Command&) mutable {
    return ++looks == 3 ? probed({failed("refused")}) : probed({answered("rs1")});
  };
  results = run("  - expect: {from: client, tcp: 'x:1', always: 60s}\n");
  EXPECT_EQ(results[0].outcome, Outcome::failed);
  EXPECT_EQ(results[0].looks, 3u) << "one look is enough to know";
  EXPECT_THAT(results[0].seen, HasSubstr("refused"));
}

TEST_F(EngineTest, NeverMeansAtNoLook) {
  found_at_look(1000000);
  auto results = run("  - expect: {from: client, tcp: 'x:1', never: 300ms}\n");
  EXPECT_EQ(results[0].outcome, Outcome::passed);
  EXPECT_EQ(results[0].what, "client reaches by TCP x:1, never, for 300 ms");
  EXPECT_GT(results[0].looks, 2u);
  found_at_look(3);
  results = run("  - expect: {from: client, tcp: 'x:1', never: 60s}\n");
  EXPECT_EQ(results[0].outcome, Outcome::failed);
  EXPECT_EQ(results[0].looks, 3u);
  lab_.answer = [](const lab::Command&) -> lab::CommandResult { throw base::Error("the lab is dead"); };
  results = run("  - expect: {from: client, tcp: 'x:1', never: 60s}\n");
  EXPECT_EQ(results[0].outcome, Outcome::failed) << "what cannot be seen is no proof that it is not";
  EXPECT_EQ(results[0].seen, "the lab is dead");
}

TEST_F(EngineTest, ExplainsAReachThatFails) {
  lab_.answer = [](const lab::Command& command) {
    if (is_program(command, "probe")) return probed({failed("timeout")});
    if (is_program(command, "inspect") && command.arguments[1] == "ipvs")
      return printed(R"({"text":"TCP 10.10.0.1:80 rr"})");
    if (is_program(command, "inspect")) return printed(R"({"entries":[{"line":"tcp 6 one"},{"line":"tcp 6 two"}]})");
    return printed("said by " + command.node + ": " + command.arguments.back() + "\n");
  };
  lab_.process_list = {{{"name", "web@client"}, {"state", "failed"}, {"exit", 7}},
                       {{"name", "proxy@client"}, {"state", "ready"}}};
  lab_.logs["web@client"] = "first\nlast words\n";
  auto results = run("  - expect: {from: client, http: 'http://10.10.0.1:80/'}\n");
  std::map<std::string, std::string> evidence;
  for (const Evidence& it : results[0].evidence) evidence[it.title] = it.text;
  EXPECT_THAT(evidence["routes of client"], HasSubstr("ip route get 10.10.0.1;"));
  EXPECT_EQ(evidence.count("neighbours of client"), 1u);
  EXPECT_EQ(evidence["IPVS of ds"], "TCP 10.10.0.1:80 rr");
  EXPECT_EQ(evidence.count("IPVS of standby"), 1u) << "keepalived makes virtual services, too";
  EXPECT_EQ(evidence["connections that ds tracks"], "tcp 6 one\ntcp 6 two");
  EXPECT_EQ(evidence["web@client is failed, exit code 7"], "first\nlast words");
  EXPECT_EQ(evidence.count("proxy@client is ready"), 0u);
}

}  // namespace
}  // namespace scenario
