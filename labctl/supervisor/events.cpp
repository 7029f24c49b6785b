#include "labctl/supervisor/events.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace supervisor {

std::string timestamp() {
  auto now = std::chrono::system_clock::now();
  auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03d}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     milliseconds % 1000);
}

void Events::add(const std::string& node, const std::string& kind, const std::string& message) {
  boost::json::object event{{"time", timestamp()}, {"node", node}, {"kind", kind}, {"message", message}};
  fmt::print(stderr, "{} {}{}{}: {}\n", std::string(event["time"].as_string()), node, node.empty() ? "" : " ", kind,
             message);
  events_.push_back(event);
  if (events_.size() > kept) events_.pop_front();
  auto followers = followers_;
  for (auto& [number, follower] : followers) follower(event);
}

std::uint64_t Events::follow(Follower follower) {
  followers_[next_follower_] = std::move(follower);
  return next_follower_++;
}

}  // namespace supervisor
