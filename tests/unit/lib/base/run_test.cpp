#include "lib/base/run.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace {

TEST(RunCommand, PassesInputAndCollectsBothOutputsLargerThanAPipe) {
  std::string input(3 << 20, 'x');
  base::RunResult result = base::run_command({"sh", "-c", "tee /dev/stderr"}, input);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, input);
  EXPECT_EQ(result.error_output, input);
}

TEST(RunCommand, SurvivesAProgramThatEndsBeforeItReadItsInput) {
  EXPECT_EQ(base::run_command({"true"}, std::string(1 << 20, 'x')).exit_code, 0);
}

TEST(RunCommand, TellsExitCodesAndSignalsAsAShellDoes) {
  EXPECT_EQ(base::run_command({"sh", "-c", "exit 7"}).exit_code, 7);
  EXPECT_EQ(base::run_command({"sh", "-c", "kill -9 $$"}).exit_code, 137);
}

TEST(RunChecked, FailureNamesTheCommandAndWhatItSaid) {
  try {
    base::run_checked({"sh", "-c", "echo no such chain >&2; exit 2"});
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("no such chain"), std::string::npos) << error.what();
  }
}

TEST(RunCommand, NamesAProgramThatDoesNotExist) {
  try {
    base::run_command({"no-such-program"});
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "run no-such-program: No such file or directory");
  }
}

}  // namespace
