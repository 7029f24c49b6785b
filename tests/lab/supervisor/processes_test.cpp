// What a lab promises of the processes it keeps: their order, their restarts, and that none of them can harm it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "lib/base/error.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::OnWhateverKernel;
using running_lab::RunningLab;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string with_workloads(const std::string& workloads) {
  return "version: 1\nname: processes\nnodes:\n  alice:\n    workloads:\n" + workloads;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

std::string states(RunningLab& lab) {
  std::string text;
  for (const boost::json::value& process : lab.control().processes()) {
    text += std::string(process.at("name").as_string()) + " " + std::string(process.at("state").as_string()) + "\n";
  }
  return text;
}

bool eventually(const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

class ProcessesTest : public OnWhateverKernel {};

TEST_F(ProcessesTest, NoLineIsTooLongForTheLab) {
  RunningLab lab(with_workloads(R"(
      talker:
        run: "head -c 60000 /dev/zero | tr '\\0' a; echo; echo ready; exec sleep 1000"
        ready: { log: ".*ready" }
)"));
  EXPECT_EQ(states(lab), "talker@alice ready\n");
}

TEST_F(ProcessesTest, ComeBackInTheirOrderWhenTheirNodeIsRestarted) {
  RunningLab lab(with_workloads(R"(
      setup: { run: "sleep 0.2; touch /run/set-up", ready: { exit: 0 } }
      db: { run: "test -e /run/set-up && sleep 0.3 && touch /run/db && exec sleep 1000", ready: { file: /run/db }, after: [setup] }
      web: { run: "test -e /run/db && exec sleep 1000", after: [db] }
      other: { run: "test -e /run/db && exec sleep 1000", after: [db], restart: always }
)"));
  lab.control().restart_node("alice");
  const char* all = "setup@alice ready\ndb@alice ready\nweb@alice ready\nother@alice ready\n";
  EXPECT_TRUE(eventually([&] { return states(lab) == all; })) << states(lab) << lab.events();
  EXPECT_THAT(lab.events(), Not(ContainsRegex("exited: (web|other) \\(exit code 1\\)"))) << "db was not ready then";
}

TEST_F(ProcessesTest, OneThatNeverStaysUpFailsTheLabInTime) {
  std::string error = error_of([] {
    RunningLab lab(with_workloads(R"(
      web: { run: "sleep 0.1; echo sorry; exit 3", restart: always, ready: { tcp: 80, within: 1s } }
)"));
  });
  EXPECT_THAT(error, ContainsRegex("web@alice was not ready within 1 s, in [0-9]+ attempts"));
  EXPECT_THAT(error, HasSubstr("sorry"));
}

TEST_F(ProcessesTest, ACrashLoopIsNotReadyThoughNothingSaysWhenItWouldBe) {
  std::string error = error_of([] {
    RunningLab lab(with_workloads(R"(
      agent: { run: "echo no such flag; exit 0", restart: always }
      late: { run: "sleep 1; touch /run/late; exec sleep 1000", ready: { file: /run/late } }
)"));
  });
  EXPECT_THAT(error, ContainsRegex("agent@alice was not ready within 20 s, in [0-9]+ attempts"));
  EXPECT_THAT(error, HasSubstr("no such flag"));
}

TEST_F(ProcessesTest, WhatAFailedOneSaidIsShownWhateverItSaid) {
  std::string error = error_of([] {
    RunningLab lab(with_workloads(R"(
      web: { run: "head -c 5000 /dev/zero | tr '\\0' '\\377'; printf ' caf\\351'; exit 7", ready: { tcp: 80 } }
)"));
  });
  EXPECT_THAT(error, HasSubstr("web@alice ended with exit code 7 before it was ready"));
  EXPECT_THAT(error, HasSubstr(" caf\ufffd"));
}

TEST_F(ProcessesTest, ARestartIsAnsweredAlsoWhereItsNodeIsKilledMeanwhile) {
  RunningLab lab(with_workloads(R"(
      stubborn: { run: "trap '' TERM; touch /run/up; while :; do sleep 1; done", ready: { file: /run/up } }
)"));
  std::future<std::string> answer = std::async(
      std::launch::async, [&] { return error_of([&] { lab.control().restart_process("stubborn@alice"); }); });
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout)
      << "it does not end by itself";
  lab.control().kill_node("alice");
  EXPECT_THAT(answer.get(), HasSubstr("node alice was killed"));
}

TEST_F(ProcessesTest, TheirWorkersGoWithThem) {
  RunningLab lab(with_workloads(R"(
      web:
        restart: always
        ready: { tcp: 8080 }
        run: |
          exec perl -MIO::Socket::INET -e '$server = IO::Socket::INET->new(Listen => 5, LocalPort => 8080,
            ReuseAddr => 1) or exit 3; fork; sleep 1000'
)"));
  auto has_two = [&] { return lab.run("alice", "pgrep -c perl") == "2\n"; };
  auto count_killed = [&] {
    size_t count = 0;
    std::string events = lab.events(), killed = "web (exit code 137)";
    for (size_t at = 0; (at = events.find(killed, at)) != std::string::npos; at += killed.size()) ++count;
    return count;
  };
  auto is_back = [&] { return states(lab) == "web@alice ready\n" && has_two(); };
  ASSERT_TRUE(eventually(has_two));
  lab.control().signal_process("web@alice", SIGKILL);
  ASSERT_TRUE(eventually([&] { return count_killed() == 1; })) << lab.events();
  EXPECT_TRUE(eventually(is_back)) << states(lab) << lab.events();
  // The first of them alone, which leads their session, as if it had crashed.
  lab.run("alice", "kill -9 $(ps -C perl -o pid=,sid= | awk '$1 == $2 { print $1 }')");
  ASSERT_TRUE(eventually([&] { return count_killed() == 2; })) << lab.events();
  EXPECT_TRUE(eventually(is_back)) << states(lab) << lab.events();
  EXPECT_THAT(lab.events(), Not(HasSubstr("exit code 3"))) << "the port was free each time";
}

// One that never became ready, and says that it is when it is told to end.
TEST_F(ProcessesTest, WhatDoesNotEndIsKilledWhateverItSays) {
  RunningLab lab(with_workloads(R"(
      stubborn:
        ready: { log: ready }
        run: |
          trap 'echo ready' TERM
          test -e /run/lives || echo ready
          echo >> /run/lives
          while :; do sleep 0.1; done
)"));
  lab.control().restart_process("stubborn@alice");
  ASSERT_TRUE(eventually([&] { return lab.run("alice", "wc -l < /run/lives") == "2\n"; }));
  lab.control().restart_process("stubborn@alice");
  EXPECT_TRUE(eventually([&] { return lab.run("alice", "wc -l < /run/lives") == "3\n"; })) << lab.events();
}

}  // namespace
