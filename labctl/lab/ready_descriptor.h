// Waits on an event loop for a descriptor that is not ours alone, as standard input and output are: Asio would make it
// non-blocking, and with it everybody else's copy of it, also after our end.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

namespace lab {

class ReadyDescriptor {
 public:
  enum class For { kReading, kWriting };
  ReadyDescriptor(boost::asio::io_context& loop, int descriptor, For what);

  // Regular files and the like are always ready and cannot be waited for.
  bool always_ready() const { return always_ready_; }
  bool ready_now() const;
  // CALLBACK comes once, from the loop; not after cancel().
  void wait(std::function<void()> callback);
  void cancel();

 private:
  boost::asio::io_context& loop_;
  int descriptor_;
  For what_;
  bool always_ready_ = false;
  boost::asio::posix::stream_descriptor epoll_;
};

}  // namespace lab
