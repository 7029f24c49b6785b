// What a link does to the packets that it sends, as values: what a wire across the world, or a bad one, would do.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace netlink {

// Shares are in per cent. What is zero does not happen.
struct Impairment {
  std::chrono::microseconds delay{0};
  std::chrono::microseconds jitter{0};  // the delay varies by so much, up and down
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;      // so many are sent at once, and overtake those that are delayed
  std::uint64_t rate = 0;  // bits a second; 0: as fast as it goes

  bool operator==(const Impairment&) const = default;
  bool none() const { return *this == Impairment(); }
  // A rate alone is a matter of a token bucket (tbf), which more kernels have than netem.
  bool only_rate() const;
};

// The words of tc-netem(8): "delay 10ms 2ms loss 1% rate 10mbit".
std::string impairment_words(const Impairment& impairment);

// "10mbit", "64kbit", "1500bit": the largest unit that needs no fraction.
std::string rate_text(std::uint64_t bits_per_second);

// What tbf needs besides the rate, in bytes.
struct TokenBucket {
  std::uint32_t burst = 0;  // may be sent at once
  std::uint32_t limit = 0;  // may wait; what comes then is lost
};
// For a link of this MTU: a burst of 10 ms of the rate, or two packets; a queue of 50 ms more.
TokenBucket token_bucket(std::uint64_t bits_per_second, std::uint32_t mtu);

}  // namespace netlink
