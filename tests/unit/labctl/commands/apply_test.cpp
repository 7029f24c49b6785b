// labctl apply, against a lab that answers what a test says.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "labctl/kernel/provider.h"
#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/commands/command_line.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace commands {
namespace {

using ::testing::HasSubstr;

constexpr const char* kNothing = R"({"changes": [], "refusals": []})";
constexpr const char* kDifference = R"({"changes": [
  {"action": "restart", "object": "node ds", "details": ["link lan changes"]},
  {"action": "remove", "object": "bob: route 10.8.0.0/16", "details": []},
  {"action": "create", "object": "node carol", "details": []},
  {"action": "change", "object": "bob: sysctl net.ipv4.ip_forward", "details": ["value 0 → 1"]}], "refusals": []})";

class ApplyCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (auto host = kernel::make_host_provider()->availability(); !host.available) GTEST_SKIP() << host.why;
    file_ = write("version: 1\nname: wire\nnodes: {a: {}}\n");
  }

  std::string write(const std::string& text) {
    std::string path = files_.path() / "lab.yaml";
    base::write_all(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644).get(), text);
    return path;
  }
  void answer_with(const std::string& difference, const std::string& end = R"({"applied": true})") {
    lab_.answers["POST /v1/apply?dryRun=1"] = fake::answer(200, difference);
    std::string line = boost::json::serialize(boost::json::parse(difference));
    lab_.answers["POST /v1/apply"] =
        fake::answer(200, "{\"difference\": " + line + "}\n{\"done\": \"node carol created\"}\n" + end + "\n");
  }
  bool was_applied() {
    for (const std::string& request : lab_.requests()) {
      if (request.starts_with("POST /v1/apply ")) return true;
    }
    return false;
  }

  fake::RuntimeDirectory directory_;
  fake::TemporaryFolder files_;
  fake::Lab lab_;
  std::string file_;
};

TEST_F(ApplyCommandTest, ADryRunShowsTheDifferenceAndTellsByItsExitCode) {
  answer_with(kDifference);
  Outcome outcome = labctl({"apply", "fake", file_, "--dry-run"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.out,
            "  ! node ds is restarted: link lan changes\n"
            "  - bob: route 10.8.0.0/16\n"
            "  + node carol\n"
            "  ~ bob: sysctl net.ipv4.ip_forward: value 0 → 1\n");
  answer_with(kNothing);
  outcome = labctl({"apply", "fake", file_, "--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "lab fake is as " + file_ + " says\n");
  EXPECT_FALSE(was_applied());
}

TEST_F(ApplyCommandTest, WithNobodyToAskItNeedsYes) {
  answer_with(kDifference);
  Outcome outcome = labctl({"apply", "fake", file_});
  EXPECT_EQ(outcome.exit_code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("--yes"));
  EXPECT_FALSE(was_applied());
}

TEST_F(ApplyCommandTest, SaysWhatIsDone) {
  answer_with(kDifference);
  Outcome outcome = labctl({"apply", "fake", file_, "--yes"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "node carol created\n");
  EXPECT_THAT(outcome.out, HasSubstr("lab fake is as " + file_ + " says\n"));
  EXPECT_TRUE(was_applied());
}

TEST_F(ApplyCommandTest, SaysWhatWasNotDone) {
  answer_with(kDifference, R"({"applied": false, "error": "the kernel would not", "notDone": ["bob: route gone"]})");
  Outcome outcome = labctl({"apply", "fake", file_, "--yes"});
  EXPECT_EQ(outcome.exit_code, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("the kernel would not\nnot done:\n  bob: route gone\n"));
  boost::json::value json = boost::json::parse(labctl({"apply", "fake", file_, "--yes", "--json"}).out);
  EXPECT_EQ(json.at("applied"), false);
  EXPECT_EQ(json.at("done").at(0), "node carol created");
  EXPECT_EQ(json.at("difference").at("changes").as_array().size(), 4u);
}

TEST_F(ApplyCommandTest, RefusesBeforeAnythingIsAsked) {
  answer_with(R"({"changes": [], "refusals": ["mounts: settled"]})");
  Outcome outcome = labctl({"apply", "fake", file_, "--yes"});
  EXPECT_EQ(outcome.exit_code, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("mounts: settled (labctl down fake, then labctl up " + file_));
  EXPECT_FALSE(was_applied());
  EXPECT_EQ(labctl({"apply", "fake", write("version: 1\nname: x\nnodse: {}\n")}).exit_code, kBadInput);
}

TEST_F(ApplyCommandTest, WhatTheLabsKernelDoesNotServeNeedsAnotherLab) {
  std::string path = write("version: 1\nname: x\nnodes: {a: {sysctls: {kernel.panic: 1}}}\n");
  Outcome outcome = labctl({"apply", "fake", path, "--yes"});
  EXPECT_EQ(outcome.exit_code, kCannotRun) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("labctl down fake"));
}

}  // namespace
}  // namespace commands
