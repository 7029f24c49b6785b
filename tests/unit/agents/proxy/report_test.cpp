#include "agents/proxy/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace proxy {
namespace {

TEST(ReportLog, TellsEachChangeOfAFewAndCountsMany) {
  std::ostringstream log;
  ReportLog reports(log);
  reports.write("IPv4", {{"bound 10.96.0.1 (default/web)"}, {}});
  EXPECT_EQ(log.str(), "proxy: IPv4: bound 10.96.0.1 (default/web)\n");
  log.str("");
  reports.write("IPv4", {std::vector<std::string>(100, "bound"), {}});
  EXPECT_EQ(log.str(), "proxy: IPv4: 100 changes; --v=2 tells each\n");
}

TEST(ReportLog, TellsEachOfManyWhereAsked) {
  std::ostringstream log;
  ReportLog(log, true).write("IPv4", {std::vector<std::string>(100, "bound"), {}});
  std::string text = log.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
}

TEST(ReportLog, TellsAFailureThatLastsOnceAndItsEnd) {
  std::ostringstream log;
  ReportLog reports(log);
  for (int i = 0; i < 3; ++i) reports.write("IPv4", {{}, {"add X: no", "add X: no"}});
  EXPECT_EQ(log.str(), "proxy: IPv4: error: add X: no\n");
  log.str("");
  for (int i = 0; i < 3; ++i) reports.write("IPv4", {});
  EXPECT_EQ(log.str(), "proxy: IPv4: no more errors\n");
}

}  // namespace
}  // namespace proxy
