// Waits for every child of PID 1: those that were started here, and orphans that the kernel hands over.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <map>

namespace supervisor {

class Reaper {
 public:
  explicit Reaper(boost::asio::io_context& loop);

  // EXITED is called once with the wait status, from the event loop.
  void watch(pid_t process, std::function<void(int wait_status)> exited);
  // It is still waited for, but nobody is told.
  void forget(pid_t process) { watched_.erase(process); }

 private:
  void wait();
  void reap();

  boost::asio::signal_set signals_;
  std::map<pid_t, std::function<void(int)>> watched_;
};

}  // namespace supervisor
