#include "agents/controller/times.h"

#include <fmt/chrono.h>

#include <ctime>

namespace controller {

std::optional<Time> parse_time(const std::string& text) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr || (*rest != 'Z' && *rest != '.')) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string format_time(Time time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace controller
