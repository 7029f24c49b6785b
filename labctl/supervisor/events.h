// What happened in the lab, in its order: bounded, and told to those who follow.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace supervisor {

class Events {
 public:
  static constexpr size_t kept = 10000;

  // Also written to the lab's log (standard error). NODE may be empty.
  void add(const std::string& node, const std::string& kind, const std::string& message);

  const std::deque<boost::json::object>& all() const { return events_; }
  using Follower = std::function<void(const boost::json::object&)>;
  std::uint64_t follow(Follower follower);
  void unfollow(std::uint64_t follower) { followers_.erase(follower); }

 private:
  std::deque<boost::json::object> events_;
  std::map<std::uint64_t, Follower> followers_;
  std::uint64_t next_follower_ = 1;
};

// "2026-01-31T12:00:00.123Z"
std::string timestamp();

}  // namespace supervisor
