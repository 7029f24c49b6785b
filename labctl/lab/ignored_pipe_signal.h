// A reader of ours that goes away is an error of write(2), not our end.
#pragma once

#include <signal.h>

namespace lab {

class IgnoredPipeSignal {
 public:
  IgnoredPipeSignal() : previous_(::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoredPipeSignal() { ::signal(SIGPIPE, previous_); }
  IgnoredPipeSignal(const IgnoredPipeSignal&) = delete;
  IgnoredPipeSignal& operator=(const IgnoredPipeSignal&) = delete;

 private:
  sighandler_t previous_;
};

}  // namespace lab
