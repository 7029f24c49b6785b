#include "labctl/commands/output.h"

#include <gtest/gtest.h>

namespace commands {
namespace {

TEST(Printable, LeavesNothingThatATerminalWouldObey) {
  EXPECT_EQ(printable("\033]0;owned\007"), "\\x1b]0;owned\\x07");
  EXPECT_EQ(printable("a\u009b31mb"), "a\\x9b31mb") << "U+009B is ESC [ in one character";
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\ufffd31m")
      << "and in one byte, where a terminal does not speak UTF-8";
}

TEST(Printable, LeavesTextAsItIs) {
  EXPECT_EQ(printable("two\n\tlines: é\u00a0…"), "two\n\tlines: é\u00a0…");
}

}  // namespace
}  // namespace commands
