#include "agents/nodelet/probe_schedule.h"

#include <algorithm>

namespace nodelet {

using std::chrono::seconds;

ProbeSchedule::Duration ProbeSchedule::period() const {
  return seconds(std::max<std::int64_t>(probe_.period_seconds, 1));
}

ProbeSchedule::Duration ProbeSchedule::begin(Clock::time_point now, Duration ran) {
  Duration delay = std::max<Duration>(seconds(probe_.initial_delay_seconds) - ran, Duration::zero());
  // What has just been started does not listen yet: a liveness probe that hits it at once, with a threshold of 1, would
  // never let it. kubelet's first attempt, too, comes up to a period later.
  if (kind_ == ProbeKind::liveness && probe_.initial_delay_seconds == 0) delay = period();
  next_regular_ = now + delay + (kind_ == ProbeKind::liveness ? Duration::zero() : period());
  return delay;
}

ProbeSchedule::Verdict ProbeSchedule::take(bool success, Clock::time_point now) {
  return success ? take_success(now) : take_failure(now);
}

ProbeSchedule::Verdict ProbeSchedule::take_success(Clock::time_point now) {
  has_succeeded_ = true;
  in_a_row_ = std::max<std::int64_t>(in_a_row_, 0) + 1;
  next_regular_ = now + period();
  Verdict verdict{std::nullopt, false, period()};
  if (in_a_row_ >= std::max<std::int64_t>(probe_.success_threshold, 1)) verdict.state = true;
  return verdict;
}

// Until they have succeeded for the first time, startup and readiness probes are also tried between their periods: what
// listens after milliseconds need not wait for seconds until somebody notices. Only the attempts at their proper times
// count as failures, so that thresholds mean what they mean elsewhere.
ProbeSchedule::Verdict ProbeSchedule::take_failure(Clock::time_point now) {
  bool eager = kind_ != ProbeKind::liveness && !has_succeeded_;
  Verdict verdict;
  if (!eager || now >= next_regular_) {
    in_a_row_ = std::min<std::int64_t>(in_a_row_, 0) - 1;
    next_regular_ = now + period();
    verdict.is_reported = true;
    if (-in_a_row_ >= std::max<std::int64_t>(probe_.failure_threshold, 1)) verdict.state = false;
  }
  verdict.next = period();
  if (eager) {
    verdict.next = std::min(eager_pause_, next_regular_ - now);
    eager_pause_ = std::min(eager_pause_ * 2, period());
  }
  return verdict;
}

}  // namespace nodelet
