// Commands in nodes: what goes in and comes out is exactly what the command read and wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <random>

#include "labctl/lab/exec_session.h"
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

TEST_P(ExecTest, RefusesWhatTheControlApiCannotCarry) {
  try {
    run({"echo", "caf\xe9"});
    FAIL() << "it ran";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no UTF-8"));
  }
}

// A pipe that ends where somebody else would type Ctrl-D, be that within a line.
TEST_P(ExecTest, ATerminalEndsWithItsInput) {
  for (const std::string input : {"abc", "abc\n"}) {
    boost::asio::io_context loop{1};
    std::optional<lab::ExecEnd> end;
    std::shared_ptr<lab::ExecSession> session;
    bool sent = false;
    auto send = [&] {
      if (std::exchange(sent, true)) return;
      session->send_input(input);
      session->end_input();
    };
    lab::ExecRequest request;
    request.node = "alone";
    request.arguments = {"cat"};
    request.terminal = lab::WindowSize{};
    auto ignore = [](std::string_view) {};
    session = lab::ExecSession::start(loop, lab_->folder(), request,
                                      {ignore, ignore, send, [&](lab::ExecEnd how) { end = std::move(how); }});
    loop.run_for(std::chrono::seconds(20));
    ASSERT_TRUE(end) << "it waits for more than \"" << input << '"';
    EXPECT_EQ(end->exit_code, 0);
    session->abandon();
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
