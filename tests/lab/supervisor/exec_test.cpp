// Commands in nodes: what goes in and comes out is exactly what the command read and wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "lib/base/error.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::RunningLab;
using testing::HasSubstr;

constexpr const char* one_node = R"(
version: 1
name: one
nodes:
  alone: {}
)";

class ExecTest : public EachKernel {
 protected:
  lab::CommandResult run(std::vector<std::string> arguments, const std::string& input = {}) {
    lab::Command command;
    command.node = "alone";
    command.arguments = std::move(arguments);
    command.input = input;
    command.timeout = std::chrono::seconds(60);
    return lab_->control().run(command);
  }
  void SetUp() override {
    EachKernel::SetUp();
    if (!IsSkipped()) lab_ = std::make_unique<RunningLab>(one_node, kernel());
  }
  std::unique_ptr<RunningLab> lab_;
};

TEST_P(ExecTest, PassesTheExitCodeOn) {
  EXPECT_EQ(run({"true"}).exit_code, 0);
  EXPECT_EQ(run({"sh", "-c", "exit 42"}).exit_code, 42);
  EXPECT_EQ(run({"sh", "-c", "kill -TERM $$"}).exit_code, 128 + SIGTERM);
}

TEST_P(ExecTest, KeepsOutputAndErrorOutputApart) {
  lab::CommandResult result = run({"sh", "-c", "echo out; echo err >&2"});
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error_output, "err\n");
}

TEST_P(ExecTest, IsBinaryClean) {
  std::string input(300 * 1024, '\0');
  std::mt19937 random(7);
  for (char& byte : input) byte = static_cast<char>(random());
  EXPECT_TRUE(run({"cat"}, input).output == input);
}

TEST_P(ExecTest, SaysWhatCouldNotBeRun) {
  try {
    run({"/no/such/program"});
    FAIL() << "it ran";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/no/such/program"));
    EXPECT_THAT(error.what(), HasSubstr("No such file"));
  }
}

TEST_P(ExecTest, EndsWhatTakesLongerThanItMay) {
  lab::Command command;
  command.node = "alone";
  command.arguments = {"sleep", "1000"};
  command.timeout = std::chrono::milliseconds(300);
  EXPECT_TRUE(lab_->control().run(command).timed_out);
  EXPECT_THAT(lab_->run("alone", "sleep 0.1; ps -e"), testing::Not(HasSubstr("sleep 1000")));
}

INSTANTIATE_TEST_SUITE_P(On, ExecTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

}  // namespace
