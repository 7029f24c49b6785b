// Captures on several interfaces at once, until it is told to end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "labctl/scenario/capture/live_interface.h"

namespace capture {

class Capturing {
 public:
  // WRITE gets a pcapng stream; its first statistics block says that every interface is captured on. BLOCKS SIGINT,
  // SIGTERM and SIGHUP: they end run().
  Capturing(const Options& options, std::function<void(const std::string&)> write);

  // Until a signal, or until no interface is left. What has been captured by then is written, and at the end the
  // statistics. REQUESTS is a listening socket: whoever connects and sends a Request is answered by the end of file
  // once all that was captured before is written; -1: none.
  enum class Request : char { flush = 'f', end = 'e' };
  void run(int requests = -1);

 private:
  void take();
  void drain();
  void write_statistics();
  Request answer(int listener);

  std::vector<LiveInterface> interfaces_;
  std::vector<bool> gone_;
  std::function<void(const std::string&)> write_;
  int signals_ = -1;
};

}  // namespace capture
