// What a lab promises of the processes it keeps: their order, their restarts, and that none of them can harm it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
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

}  // namespace
