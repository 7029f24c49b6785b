#include "labctl/commands/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace commands {

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

bool is_in_background(int descriptor) {
  pid_t foreground = ::tcgetpgrp(descriptor);
  return foreground > 0 && foreground != ::getpgrp();
}

lab::WindowSize window_size() {
  winsize size{};
  if (::ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

RawTerminal::RawTerminal(int descriptor) : descriptor_(descriptor) {
  if (!is_terminal(descriptor) || ::tcgetattr(descriptor, &before_) < 0) return;
  termios raw = before_;
  ::cfmakeraw(&raw);
  changed_ = ::tcsetattr(descriptor, TCSADRAIN, &raw) == 0;
}

RawTerminal::~RawTerminal() {
  if (changed_) ::tcsetattr(descriptor_, TCSADRAIN, &before_);
}

}  // namespace commands
