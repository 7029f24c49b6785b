// The terminal that labctl runs in.
#pragma once

#include <termios.h>

#include "labctl/lab/exec_session.h"

namespace commands {

bool is_terminal(int descriptor);
// Whether DESCRIPTOR is a terminal that another job has: to read it, or to change it, would stop us.
bool is_in_background(int descriptor);
// Of the terminal on standard output, or 24 by 80.
lab::WindowSize window_size();

// Keys go to the program at the other end as they are pressed, until this object's end. Does nothing where DESCRIPTOR
// is no terminal.
class RawTerminal {
 public:
  explicit RawTerminal(int descriptor);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int descriptor_;
  termios before_{};
  bool changed_ = false;
};

}  // namespace commands
