#include "labctl/scenario/texts.h"

#include <gmock/gmock.h>

#include "lib/base/error.h"

namespace scenario {
namespace {

using testing::ElementsAre;

TEST(CommandLine, IsSplitAsAShellDoes) {
  EXPECT_THAT(split_command_line("get  pods -o wide"), ElementsAre("get", "pods", "-o", "wide"));
  EXPECT_THAT(split_command_line(R"(a 'b c' "d e"f '' g\ h "i\"j" 'k\l')"),
              ElementsAre("a", "b c", "d ef", "", "g h", "i\"j", "k\\l"));
  EXPECT_THAT(split_command_line(" "), ElementsAre());
  EXPECT_THROW(split_command_line("a 'b"), base::Error);
}

TEST(Texts, LastLines) {
  EXPECT_EQ(last_lines("a\nb\nc\n\n", 2), "b\nc");
  EXPECT_EQ(last_lines("a\nb", 5), "a\nb");
  EXPECT_EQ(last_lines("\na\nb", 3), "\na\nb");
  EXPECT_EQ(last_lines("a", 1), "a");
  EXPECT_EQ(last_lines("\n\n", 2), "");
  EXPECT_EQ(last_lines("", 2), "");
}

TEST(Texts, Indented) {
  EXPECT_EQ(indented("a\nb\n", "  "), "  a\n  b");
}

TEST(Texts, Times) {
  EXPECT_EQ(in_words(std::chrono::milliseconds(999)), "999 ms");
  EXPECT_EQ(in_words(std::chrono::milliseconds(61234)), "61.2 s");
}

}  // namespace
}  // namespace scenario
