#include "agents/nodelet/probe_schedule.h"

#include <gtest/gtest.h>

namespace nodelet {
namespace {

using namespace std::chrono_literals;

class ProbeScheduleTest : public testing::Test {
 protected:
  ProbeScheduleTest() {
    probe_.period_seconds = 10;
    probe_.failure_threshold = 3;
  }
  // Attempts, one after the other at the times that the schedule names, until one has a verdict; nothing after LIMIT.
  std::optional<bool> outcome(ProbeSchedule& schedule, bool success, ProbeSchedule::Duration limit = 10min) {
    for (auto end = now_ + limit; now_ < end;) {
      ProbeSchedule::Verdict verdict = schedule.take(success, now_);
      ++attempts_;
      if (verdict.is_reported) ++reported_;
      if (verdict.state) return verdict.state;
      now_ += verdict.next;
    }
    return std::nullopt;
  }
  ProbeSchedule begin(ProbeKind kind, ProbeSchedule::Duration ran = 0s) {
    ProbeSchedule schedule(kind, probe_);
    start_ = now_;
    now_ += schedule.begin(now_, ran);
    return schedule;
  }
  ProbeSchedule::Duration elapsed() const { return now_ - start_; }

  kube::Probe probe_;
  ProbeSchedule::Clock::time_point now_{}, start_{};
  int attempts_ = 0, reported_ = 0;
};

// What listens after a moment is ready after a moment, not after a period.
TEST_F(ProbeScheduleTest, ReadinessIsTriedOftenUntilTheFirstSuccess) {
  ProbeSchedule schedule = begin(ProbeKind::readiness);
  EXPECT_EQ(elapsed(), 0s);
  EXPECT_EQ(schedule.take(false, now_).next, 50ms);
  now_ += 50ms;
  EXPECT_EQ(schedule.take(false, now_).next, 100ms);
  now_ += 100ms;
  ProbeSchedule::Verdict verdict = schedule.take(true, now_);
  EXPECT_EQ(verdict.state, true);
  EXPECT_EQ(verdict.next, 10s);
  now_ += 10s;
  EXPECT_EQ(schedule.take(false, now_).next, 10s) << "it was ready once: the period counts";
}

// A startup probe is a budget of time: threshold times period.
TEST_F(ProbeScheduleTest, EagerAttemptsDoNotCountAsFailures) {
  ProbeSchedule schedule = begin(ProbeKind::startup);
  EXPECT_EQ(outcome(schedule, false), false);
  EXPECT_EQ(elapsed(), 30s);
  EXPECT_EQ(reported_, 3);
  EXPECT_GT(attempts_, 8);
}

TEST_F(ProbeScheduleTest, LivenessFailsAfterThresholdTimesPeriod) {
  ProbeSchedule schedule = begin(ProbeKind::liveness);
  EXPECT_EQ(elapsed(), 10s) << "a container that has just been started does not listen yet";
  EXPECT_EQ(outcome(schedule, false), false);
  EXPECT_EQ(attempts_, 3);
  EXPECT_EQ(elapsed(), 30s);
}

TEST_F(ProbeScheduleTest, OneSuccessForgivesEarlierFailures) {
  ProbeSchedule schedule = begin(ProbeKind::liveness);
  EXPECT_FALSE(schedule.take(false, now_).state);
  EXPECT_FALSE(schedule.take(false, now_ += 10s).state);
  EXPECT_EQ(schedule.take(true, now_ += 10s).state, true);
  EXPECT_FALSE(schedule.take(false, now_ += 10s).state);
  EXPECT_FALSE(schedule.take(false, now_ += 10s).state);
  EXPECT_EQ(schedule.take(false, now_ += 10s).state, false);
}

TEST_F(ProbeScheduleTest, WaitsForTheInitialDelayCountedFromTheContainersStart) {
  probe_.initial_delay_seconds = 5;
  begin(ProbeKind::readiness);
  EXPECT_EQ(elapsed(), 5s);
  begin(ProbeKind::liveness);
  EXPECT_EQ(elapsed(), 5s);
  begin(ProbeKind::readiness, 3s);
  EXPECT_EQ(elapsed(), 2s);
  begin(ProbeKind::readiness, 9s);
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(ProbeScheduleTest, WantsAsManySuccessesInARowAsItsThresholdSays) {
  probe_.success_threshold = 2;
  ProbeSchedule schedule = begin(ProbeKind::readiness);
  EXPECT_FALSE(schedule.take(true, now_).state);
  EXPECT_EQ(schedule.take(true, now_ += 10s).state, true);
  schedule.take(false, now_ += 10s);
  EXPECT_FALSE(schedule.take(true, now_ += 10s).state);
  EXPECT_EQ(schedule.take(true, now_ += 10s).state, true);
}

TEST_F(ProbeScheduleTest, AReadyContainerBecomesUnreadyAfterItsThreshold) {
  ProbeSchedule schedule = begin(ProbeKind::readiness);
  schedule.take(true, now_);
  now_ += 10s;
  auto before = now_;
  EXPECT_EQ(outcome(schedule, false), false);
  EXPECT_EQ(now_ - before, 20s);
}

}  // namespace
}  // namespace nodelet
