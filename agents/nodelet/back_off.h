// How long something that failed waits before it is tried again: each time twice as long, up to a limit.
#pragma once

#include <algorithm>
#include <chrono>

namespace nodelet {

class BackOff {
 public:
  using Duration = std::chrono::milliseconds;

  // A kubelet begins with 10 s and goes up to 5 min, to spare registries and disks. In a lab nothing is pulled,
  // starting a process costs milliseconds, and a person watches: 0.2 s to 10 s.
  explicit BackOff(Duration first = Duration(200), Duration longest = Duration(10000))
      : first_(first), longest_(longest), next_(first) {}

  // RAN is how long it worked before it failed: one that ran for a while begins anew.
  Duration next(Duration ran = Duration(0)) {
    if (ran >= longest_) reset();
    Duration now = next_;
    next_ = std::min(next_ * 2, longest_);
    return now;
  }
  void reset() { next_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration next_;
};

}  // namespace nodelet
