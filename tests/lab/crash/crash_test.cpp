// However a lab ends, and whenever, nothing of it is left: SIGKILL at random moments of `up`, for one of its processes
// or all.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "labctl/kernel/provider.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "tests/lab/crash/host_snapshot.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* topology = R"(
version: 1
name: crash
networks:
  lan: { subnet: 10.0.0.0/24 }
nodes:
  one: { links: { lan: 10.0.0.1 }, workloads: { web: { serve: http, port: 80 }, daemon: { run: "setsid sleep 1000 & exec sleep 1001" } } }
  two: { links: { lan: 10.0.0.2 }, workloads: { web: { serve: http, port: 80 } } }
  three: { links: { lan: 10.0.0.3, inner: { kind: bridge, address: 10.1.0.1/24 } } }
)";

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/labctl-crash-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw base::Error::system("make a folder below /tmp");
    path_ = name;
    ::setenv("LABCTL_RUNTIME_DIR", (path_ / "run").c_str(), 1);
    base::FileDescriptor file = base::open_file(path_ / "crash.yaml", O_WRONLY | O_CREAT, 0600);
    base::write_all(file.get(), topology);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class CrashTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto provider = GetParam() == "uml" ? kernel::make_uml_provider() : kernel::make_host_provider();
    if (auto availability = provider->availability(); !availability.available) GTEST_SKIP() << availability.why;
    crash::adopt_orphans();
    before_ = crash::snapshot_of_host();
  }

  pid_t labctl(const std::vector<std::string>& arguments) {
    pid_t child = base::check_system("fork", ::fork());
    if (child != 0) return child;
    int log = ::open((folder_.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, 1);
    ::dup2(log, 2);
    std::vector<char*> words{const_cast<char*>("labctl")};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    ::execv(LABCTL, words.data());
    ::_exit(127);
  }
  pid_t up() { return labctl({"up", folder_.path() / "crash.yaml", "--kernel", GetParam()}); }
  int run(const std::vector<std::string>& arguments) {
    int status = 0;
    ::waitpid(labctl(arguments), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // How long `up` takes when nobody disturbs it.
  milliseconds time_of_up() {
    Clock::time_point start = Clock::now();
    EXPECT_EQ(run({"up", folder_.path() / "crash.yaml", "--kernel", GetParam()}), 0) << said();
    auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
    EXPECT_EQ(run({"down", "crash"}), 0) << said();
    return took;
  }
  std::string said() { return base::read_file(folder_.path() / "log"); }

  enum class Then { gone, gone_after_down };
  // All of it is gone by itself; or, where it may have survived the loss of one part, after `down`.
  void expect_nothing_left(const std::string& what, Then then = Then::gone) {
    Clock::time_point deadline = Clock::now() + std::chrono::seconds(15);
    std::vector<pid_t> left;
    while (!(left = crash::descendants()).empty() && Clock::now() < deadline) {
      if (then == Then::gone_after_down && run({"ps", "crash"}) == 0) run({"down", "crash"});
      std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_TRUE(left.empty()) << what << "; still there:\n" << crash::describe_processes(left) << said();
    for (pid_t pid : left) ::kill(pid, SIGKILL);
    EXPECT_EQ(crash::added(before_, crash::snapshot_of_host()), "") << what;
  }

  static int rounds() {
    if (const char* asked = std::getenv("LABCTL_CRASH_ROUNDS")) return std::atoi(asked);
    return GetParam() == "uml" ? 8 : 30;
  }

  Folder folder_;
  std::string before_;
  std::mt19937 random_{static_cast<unsigned>(::getpid())};
};

TEST_P(CrashTest, KillingAllOfItAtAnyMomentOfUpLeavesNothing) {
  auto longest = time_of_up().count();
  for (int round = 0; round < rounds() && !HasFailure(); ++round) {
    pid_t command = up();
    milliseconds moment(std::uniform_int_distribution<long>(0, longest)(random_));
    std::this_thread::sleep_for(moment);
    // Whoever is forked meanwhile is found in the next look.
    for (std::vector<pid_t> all; !(all = crash::descendants()).empty();) {
      for (pid_t pid : all) ::kill(pid, SIGKILL);
    }
    (void)command;
    expect_nothing_left("all killed after " + std::to_string(moment.count()) + " ms of " + std::to_string(longest));
  }
}

TEST_P(CrashTest, KillingAnyOneOfItsProcessesAtAnyMomentOfUpLeavesNothing) {
  auto longest = time_of_up().count();
  for (int round = 0; round < rounds() && !HasFailure(); ++round) {
    pid_t command = up();
    milliseconds moment(std::uniform_int_distribution<long>(0, longest)(random_));
    std::this_thread::sleep_for(moment);
    std::vector<pid_t> all = crash::descendants();
    if (!all.empty()) {
      pid_t victim = all[std::uniform_int_distribution<size_t>(0, all.size() - 1)(random_)];
      std::string name = crash::describe_processes({victim});
      ::kill(victim, SIGKILL);
      // Without its starter it may not go on; without one of its other processes it may.
      bool was_starter = victim == command && moment.count() < longest / 2;
      expect_nothing_left("killed after " + std::to_string(moment.count()) + " ms: " + name,
                          was_starter ? Then::gone : Then::gone_after_down);
    } else {
      expect_nothing_left("ended by itself");
    }
  }
}

TEST_P(CrashTest, DownLeavesNothing) {
  ASSERT_EQ(run({"up", folder_.path() / "crash.yaml", "--kernel", GetParam()}), 0) << said();
  ASSERT_EQ(run({"down", "crash"}), 0) << said();
  EXPECT_TRUE(crash::descendants().empty()) << "down returned too early:\n"
                                            << crash::describe_processes(crash::descendants());
  expect_nothing_left("down");
  EXPECT_FALSE(fs::exists(folder_.path() / "run" / "crash"));
}

TEST_P(CrashTest, AnInterruptedUpLeavesNothing) {
  auto longest = time_of_up().count();
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    pid_t command = up();
    std::this_thread::sleep_for(milliseconds(longest / 2));
    ::kill(command, signal);
    int status = 0;
    ::waitpid(command, &status, 0);
    expect_nothing_left("interrupted by signal " + std::to_string(signal));
  }
}

// One that would wait for long: it is not by its own end that the lab ends.
TEST_P(CrashTest, ALabWhoseStarterIsKilledBeforeItIsReadyEnds) {
  {
    base::FileDescriptor file = base::open_file(folder_.path() / "crash.yaml", O_WRONLY | O_TRUNC);
    base::write_all(file.get(),
                    "version: 1\nname: crash\nnodes:\n  one:\n    workloads:\n"
                    "      never: { run: \"echo begun; exec sleep 1000\", ready: { file: /never, within: 5m } }\n");
  }
  pid_t command = up();
  auto begun = [&] {
    std::error_code error;
    fs::path log = folder_.path() / "run" / "crash" / "lab.log";
    return fs::exists(log, error) && base::read_file(log).find("started: never") != std::string::npos;
  };
  for (auto deadline = Clock::now() + std::chrono::seconds(20); !begun() && Clock::now() < deadline;) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  ASSERT_TRUE(begun()) << said();
  ::kill(command, SIGKILL);
  expect_nothing_left("its starter was killed");
}

INSTANTIATE_TEST_SUITE_P(On, CrashTest, testing::Values("host", "uml"), [](const auto& test) { return test.param; });

}  // namespace
