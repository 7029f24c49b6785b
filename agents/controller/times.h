// Points in time as API objects write them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace controller {

using Time = std::chrono::system_clock::time_point;

// By both clocks: that of durations, which nobody sets, and the one that API objects are written in.
struct Now {
  std::chrono::steady_clock::time_point steady;
  Time wall;

  static Now read() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }
};

// "2026-11-24T10:00:00Z", with or without a fraction; nullopt where TEXT is not one.
std::optional<Time> parse_time(const std::string& text);
std::string format_time(Time time);

}  // namespace controller
