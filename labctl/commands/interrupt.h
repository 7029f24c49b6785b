// The signals by which a person or a script gives up waiting, as a descriptor.
#pragma once

#include <chrono>
#include <optional>

#include "lib/base/file_descriptor.h"

namespace commands {

// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process but make descriptor() readable; so does LIMIT. One
// at a time.
class Interrupt {
 public:
  explicit Interrupt(std::optional<std::chrono::milliseconds> limit = std::nullopt);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  int descriptor() const { return pipe_.read_end.get(); }
  // The signal that came; 0 where none did.
  int signal() const;
  bool limit_reached() const;

 private:
  base::Pipe pipe_;
};

}  // namespace commands
