// `labctl test` with workers that are shell scripts: what it makes of what they say, and of their end.
#include "labctl/scenario/test_main.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "labctl/lab/start.h"
#include "labctl/scenario/discovery.h"
#include "lib/base/file_descriptor.h"

namespace scenario {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class TestMain : public testing::Test {
 protected:
  TestMain() {
    std::string pattern = testing::TempDir() + "/labctl-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("LABCTL_RUNTIME_DIR", (folder_ / "run").c_str(), 1);
    // A "topology" is a script; it has the job's lab name and its own folder.
    options_.worker = {"sh", "-c",
                       "job=$(cat); value() { echo \"$job\" | sed \"s|.*\\\"$1\\\":\\\"\\([^\\\"]*\\)\\\".*|\\1|\"; }; "
                       "path=$(value path); lab=$(value lab); remains=$(value folder); . \"$path\""};
    options_.version = "0.1.0";
  }
  ~TestMain() override {
    ::unsetenv("LABCTL_RUNTIME_DIR");
    fs::remove_all(folder_);
  }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  // A script that says this and ends.
  std::string says(const std::string& name, const std::string& lines) {
    return file(name, "cat <<END\n" + lines + "END\n");
  }
  std::string worker_with(const std::string& name, const std::string& outcome) {
    return says(name, R"({"event":"step ended","step":{"what":"does it","outcome":"passed"}})"
                      "\n{\"event\":\"result\",\"run\":{\"path\":\"" +
                          name + "\",\"topology\":\"" + name + "\",\"lab\":\"$lab\",\"outcome\":\"" + outcome +
                          "\",\"cameUp\":true,\"why\":\"because\"}}\n");
  }
  int test(const std::vector<std::string>& paths) {
    options_.paths = paths;
    out_.str("");
    err_.str("");
    return test_main(options_, out_, err_, interrupt_.read_end.get());
  }

  fs::path folder_;
  TestOptions options_;
  std::ostringstream out_, err_;
  base::Pipe interrupt_ = base::make_pipe();
};

TEST_F(TestMain, EndsWithTheWorstOutcome) {
  std::string passed = worker_with("passed", "passed"), failed = worker_with("failed", "failed"),
              invalid = worker_with("invalid", "invalid"), unable = worker_with("unable", "could not run");
  EXPECT_EQ(test({passed, passed}), 0);
  EXPECT_EQ(test({unable, passed}), 3);
  EXPECT_EQ(test({unable, invalid}), 2);
  EXPECT_EQ(test({invalid, failed, unable, passed}), 1);
  EXPECT_THAT(out_.str(), HasSubstr("1 passed, 1 failed, 1 invalid, 1 could not run"));
  EXPECT_THAT(out_.str(), HasSubstr("  ok       1  does it"));
}

TEST_F(TestMain, SaysThatThereIsNothingToTest) {
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(test({(folder_ / "empty").string()}), 4);
  options_.filter = "nothing has this";
  EXPECT_EQ(test({worker_with("passed", "passed")}), 4);
  EXPECT_THAT(err_.str(), HasSubstr("nothing to test: no topology has \"nothing has this\""));
  EXPECT_THROW(test({(folder_ / "missing.yaml").string()}), lab::BadInput);
}

TEST_F(TestMain, AWorkerThatDiesIsAFailure) {
  std::string path = file("dies", R"(echo '{"event":"step begins","what":"x"}'; echo "last words" >&2; kill -SEGV $$)");
  EXPECT_EQ(test({path}), 1);
  EXPECT_THAT(out_.str(), HasSubstr("labctl itself ended with exit code 139 in step 1: last words"));
}

TEST_F(TestMain, WritesAJunitReportAndJson) {
  options_.junit = (folder_ / "report.xml").string();
  options_.json = true;
  EXPECT_EQ(test({worker_with("passed", "passed"), worker_with("failed", "failed")}), 1);
  EXPECT_THAT(base::read_file(options_.junit), HasSubstr("<testsuites name=\"labctl\" tests=\"2\""));
  boost::json::value document = boost::json::parse(out_.str());
  EXPECT_EQ(document.at("runs").at(1).at("outcome").as_string(), "failed");
  EXPECT_THAT(err_.str(), HasSubstr("does it")) << "people read the other stream then";
  options_.junit = "/nowhere/report.xml";
  EXPECT_THROW(test({worker_with("passed", "passed")}), lab::BadInput) << "before anything has run";
}

TEST_F(TestMain, GivesEveryRunALabOfItsOwn) {
  options_.json = true;
  options_.repeat = 3;
  EXPECT_EQ(test({worker_with("a_long_name.of-a topology", "passed")}), 0);
  std::set<std::string> labs;
  boost::json::value document = boost::json::parse(out_.str());
  for (const auto& run : document.at("runs").as_array()) labs.insert(std::string(run.at("lab").as_string()));
  EXPECT_EQ(labs.size(), 3u);
  for (const std::string& lab : labs) EXPECT_NO_THROW(lab::check_lab_name(lab)) << lab;
}

// Each waits for the other to have begun: they end only if they run at the same time.
TEST_F(TestMain, RunsSeveralAtATimeAndShowsEachInOnePiece) {
  options_.jobs = 2;
  options_.kernel = "host";  // which takes no memory of its own
  auto meets = [&](const std::string& name, const std::string& other) {
    return file(name, "touch " + (folder_ / name).string() + ".here; n=0; while [ ! -e " + (folder_ / other).string() +
                          ".here ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done; [ $n -lt 500 ] && "
                          "outcome=passed || outcome=failed\n"
                          "for i in 1 2; do echo '{\"event\":\"step ended\",\"step\":{\"what\":\"" +
                          name +
                          "\",\"outcome\":\"passed\"}}'; done\n"
                          "echo '{\"event\":\"result\",\"run\":{\"topology\":\"" +
                          name + "\",\"outcome\":\"'$outcome'\"}}'\n");
  };
  EXPECT_EQ(test({meets("first", "second"), meets("second", "first")}), 0) << out_.str();
  for (const std::string name : {"first", "second"}) {
    EXPECT_THAT(out_.str(),
                HasSubstr("  ok       1  " + name + " (0 ms)\n  ok       2  " + name + " (0 ms)\n" + name + ": "));
  }
}

// The worker interrupts once it runs, so that there is something to end.
TEST_F(TestMain, AnInterruptEndsWhatRuns) {
  std::string fifo = (folder_ / "fifo").string(), pid_file = (folder_ / "pid").string();
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  base::FileDescriptor interrupt = base::open_file(fifo, O_RDWR);
  options_.paths = {file("waits", "echo $$ > " + pid_file + "; echo x > " + fifo + "; exec sleep 600")};
  options_.repeat = 2;
  EXPECT_EQ(test_main(options_, out_, err_, interrupt.get()), 130);
  EXPECT_THAT(out_.str(), HasSubstr("interrupted"));
  pid_t process = 0;
  ASSERT_TRUE(std::ifstream(pid_file) >> process);
  EXPECT_NE(::kill(process, 0), 0) << "it goes on";
}

TEST_F(TestMain, LeavesNoFolderWhereNothingFailed) {
  ::setenv("TMPDIR", folder_.c_str(), 1);
  EXPECT_EQ(test({worker_with("passed", "passed")}), 0);
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().filename().string(), Not(testing::StartsWith("labctl-test")));
  }
  std::string leaves = file(
      "leaves",
      "mkdir -p $remains; echo '{\"event\":\"result\",\"run\":{\"outcome\":\"failed\",\"folder\":\"'$remains'\"}}'");
  EXPECT_EQ(test({leaves}), 1);
  ::unsetenv("TMPDIR");
  EXPECT_THAT(out_.str(), HasSubstr("what is left of it: " + folder_.string() + "/labctl-test-"));
}

TEST_F(TestMain, FindsTopologiesInFolders) {
  fs::create_directories(folder_ / "t/below/.hidden");
  std::string topology = "# a comment\nversion: 1\nname: the-name\n";
  file("t/b.yaml", topology);
  file("t/a.yml", topology);
  file("t/below/c.yaml", topology);
  file("t/below/.hidden/d.yaml", topology);
  file("t/manifest.yaml", "apiVersion: v1\nkind: Pod\n");
  file("t/notes.txt", topology);
  std::string t = (folder_ / "t").string();
  EXPECT_THAT(find_topologies({t}, ""), ElementsAre(t + "/a.yml", t + "/b.yaml", t + "/below/c.yaml"));
  EXPECT_THAT(find_topologies({t}, "below"), ElementsAre(t + "/below/c.yaml"));
  EXPECT_EQ(find_topologies({t}, "the-name").size(), 3u);
  EXPECT_THAT(find_topologies({t + "/notes.txt"}, ""), ElementsAre(t + "/notes.txt")) << "what is named is meant";
}

}  // namespace
}  // namespace scenario
