#include "lib/netlink/impairment.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace netlink {
namespace {

constexpr std::uint32_t ethernet_header = 14;

std::string time_text(std::chrono::microseconds time) {
  return time.count() % 1000 == 0 ? fmt::format("{}ms", time.count() / 1000) : fmt::format("{}us", time.count());
}

}  // namespace

bool Impairment::only_rate() const {
  Impairment without = *this;
  without.rate = 0;
  return rate != 0 && without.none();
}

std::string rate_text(std::uint64_t bits_per_second) {
  static constexpr const char* units[] = {"bit", "kbit", "mbit", "gbit"};
  size_t unit = 0;
  for (; unit < 3 && bits_per_second % 1000 == 0 && bits_per_second != 0; ++unit) bits_per_second /= 1000;
  return fmt::format("{}{}", bits_per_second, units[unit]);
}

std::string impairment_words(const Impairment& impairment) {
  std::string text;
  auto add = [&](const std::string& words) { text += (text.empty() ? "" : " ") + words; };
  if (impairment.delay.count() != 0) add("delay " + time_text(impairment.delay));
  if (impairment.jitter.count() != 0) add(time_text(impairment.jitter));
  if (impairment.loss != 0) add(fmt::format("loss {}%", impairment.loss));
  if (impairment.duplicate != 0) add(fmt::format("duplicate {}%", impairment.duplicate));
  if (impairment.reorder != 0) add(fmt::format("reorder {}%", impairment.reorder));
  if (impairment.rate != 0) add("rate " + rate_text(impairment.rate));
  return text;
}

TokenBucket token_bucket(std::uint64_t bits_per_second, std::uint32_t mtu) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t bytes_per_second = bits_per_second / 8;
  std::uint64_t burst = std::max<std::uint64_t>(bytes_per_second / 100, 2 * (mtu + ethernet_header));
  std::uint64_t limit = burst + bytes_per_second / 20;
  return {static_cast<std::uint32_t>(std::min(burst, most)), static_cast<std::uint32_t>(std::min(limit, most))};
}

}  // namespace netlink
