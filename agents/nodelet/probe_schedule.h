// When a probe is tried, and what its results mean: thresholds and times, without doing anything.
#pragma once

#include <chrono>
#include <optional>

#include "lib/kube/objects.h"

namespace nodelet {

enum class ProbeKind { startup, liveness, readiness };

class ProbeSchedule {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  ProbeSchedule(ProbeKind kind, const kube::Probe& probe) : kind_(kind), probe_(probe) {}

  // How long to wait before the first attempt; the container has been running for RAN at NOW.
  Duration begin(Clock::time_point now, Duration ran);

  struct Verdict {
    // Set where enough results in a row say so: the probe's state is this from now on.
    std::optional<bool> state;
    bool is_reported = false;  // a failure that counts: worth an event
    Duration next{};           // until the next attempt
  };
  Verdict take(bool success, Clock::time_point now);

 private:
  Duration period() const;
  Verdict take_success(Clock::time_point now);
  Verdict take_failure(Clock::time_point now);

  ProbeKind kind_;
  kube::Probe probe_;
  Clock::time_point next_regular_;
  Duration eager_pause_ = std::chrono::milliseconds(50);
  bool has_succeeded_ = false;
  std::int64_t in_a_row_ = 0;  // successes are positive, failures negative
};

}  // namespace nodelet
