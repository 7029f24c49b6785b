#include "labctl/supervisor/output_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

namespace {

using supervisor::OutputLog;
using testing::ElementsAre;

TEST(OutputLog, ReadsADescriptorToItsEnd) {
  boost::asio::io_context loop;
  base::Pipe pipe = base::make_pipe();
  auto log = std::make_shared<OutputLog>();
  log->read_from(loop, std::move(pipe.read_end));
  base::write_all(pipe.write_end.get(), "one\ntwo");
  pipe.write_end.reset();
  loop.run();
  EXPECT_EQ(log->text(), "one\ntwo");
}

TEST(OutputLog, TellsWholeLinesHoweverTheyWereWritten) {
  auto log = std::make_shared<OutputLog>();
  std::vector<std::string> lines;
  log->on_line([&](const std::string& line) { lines.push_back(line); });
  log->append("one\ntw");
  log->append("o\nthree");
  EXPECT_THAT(lines, ElementsAre("one", "two"));
}

TEST(OutputLog, KeepsTheEndOfWhatIsTooMuchFromTheBeginningOfALine) {
  auto log = std::make_shared<OutputLog>();
  std::string line(99, 'x');
  for (int i = 0; i < 20000; ++i) log->append(line + "\n");
  log->append("the last\n");
  EXPECT_LE(log->text().size(), OutputLog::kept_bytes);
  EXPECT_GE(log->text().size(), OutputLog::kept_bytes / 4);
  EXPECT_EQ(log->text().find(line + "\n"), 0u) << "it begins in the middle of a line";
  EXPECT_TRUE(log->text().ends_with("the last\n"));
}

TEST(OutputLog, BoundsWhatHasNoLinesToo) {
  auto log = std::make_shared<OutputLog>();
  for (int i = 0; i < 300; ++i) log->append(std::string(10000, 'x'));
  EXPECT_LE(log->text().size(), OutputLog::kept_bytes);
  EXPECT_GT(log->text().size(), 0u);
}

TEST(OutputLog, TellsFollowersUntilTheyGoAway) {
  auto log = std::make_shared<OutputLog>();
  std::string first, second;
  std::uint64_t follower = log->follow([&](std::string_view text) { first.append(text); });
  log->follow([&](std::string_view text) { second.append(text); });
  log->append("a");
  log->unfollow(follower);
  log->append("b");
  EXPECT_EQ(first, "a");
  EXPECT_EQ(second, "ab");
}

TEST(OutputLog, AFollowerMayGoAwayWhileItIsTold) {
  auto log = std::make_shared<OutputLog>();
  int told = 0;
  std::uint64_t follower = 0;
  follower = log->follow([&](std::string_view) {
    ++told;
    log->unfollow(follower);
  });
  log->append("a");
  log->append("b");
  EXPECT_EQ(told, 1);
}

}  // namespace
