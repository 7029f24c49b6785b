// Running an event loop until something has happened, with a deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

// Runs LOOP until CONDITION holds; false where it does not within LIMIT.
template <class Condition>
bool run_until(boost::asio::io_context& loop, Condition&& condition,
               std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  auto deadline = std::chrono::steady_clock::now() + limit;
  loop.restart();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop.run_one_for(std::chrono::milliseconds(50));
    if (loop.stopped()) loop.restart();
  }
  return true;
}

// For what must not happen.
inline void run_for(boost::asio::io_context& loop, std::chrono::milliseconds duration) {
  loop.restart();
  loop.run_for(duration);
}
