// `labctl capture` as a person runs it: what it writes is read by tshark.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/base/run.h"
#include "lib/packets/pcapng.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::RunningLab;
using testing::HasSubstr;

constexpr const char* two_nodes = R"(
version: 1
name: two
networks: { lan: { subnet: 10.0.0.0/24 }, back: { subnet: 10.1.0.0/24 } }
nodes:
  a: { links: { lan: 10.0.0.1, back: 10.1.0.1 } }
  b: { links: { lan: 10.0.0.2 }, workloads: { web: { serve: http, port: 80 } } }
)";

// A labctl that runs while the test goes on.
class Labctl {
 public:
  explicit Labctl(std::vector<std::string> words) : output_(base::make_pipe()), said_(base::make_pipe()) {
    base::Program program;
    program.arguments = {LABCTL};
    program.arguments.insert(program.arguments.end(), words.begin(), words.end());
    program.environment = {{"LABCTL_RUNTIME_DIR", ::getenv("LABCTL_RUNTIME_DIR")}, {"PATH", ::getenv("PATH")}};
    program.output = output_.write_end.get();
    program.error = said_.write_end.get();
    process_ = base::start_program(program);
    output_.write_end.reset();
    said_.write_end.reset();
  }
  ~Labctl() {
    if (process_ > 0) ::kill(process_, SIGKILL), ::waitpid(process_, nullptr, 0);
  }

  void wait_until_it_says(const std::string& text) {
    char buffer[4096];
    while (said.find(text) == std::string::npos) {
      ssize_t count = ::read(said_.read_end.get(), buffer, sizeof buffer);
      if (count <= 0) throw base::Error("labctl has ended: " + said);
      said.append(buffer, static_cast<std::size_t>(count));
    }
  }
  void signal(int number) { ::kill(process_, number); }
  // Reads both outputs to their end; they are shorter than a pipe is wide, or read by PATIENT_READER meanwhile.
  int wait() {
    output += base::read_all(output_.read_end.get());
    said += base::read_all(said_.read_end.get());
    int status = 0;
    ::waitpid(std::exchange(process_, -1), &status, 0);
    return base::exit_code_of(status);
  }

  std::string output, said;

 private:
  base::Pipe output_, said_;
  pid_t process_ = -1;
};

std::string tshark(const std::string& file, std::vector<std::string> words) {
  words.insert(words.begin(), {"tshark", "-r", "-"});
  return base::run_checked(words, file);
}

class CaptureCommand : public EachKernel {
 protected:
  void SetUp() override {
    EachKernel::SetUp();
    if (IsSkipped()) return;
    lab_ = std::make_unique<RunningLab>(two_nodes, kernel());
    name_ = lab_->folder().name;
  }
  void ping(int count) { lab_->run("a", "ping -q -c " + std::to_string(count) + " -i 0.01 10.0.0.2"); }
  std::unique_ptr<RunningLab> lab_;
  std::string name_;
};

TEST_P(CaptureCommand, WritesWhatTsharkReads) {
  if (base::run_command({"sh", "-c", "command -v tshark"}).exit_code != 0) GTEST_SKIP() << "tshark is not installed";
  Labctl capture({"capture", name_, "a", "b:lan", "-f", "icmp", "-w", "-"});
  capture.wait_until_it_says("capturing on a:");
  ping(3);
  capture.signal(SIGINT);
  EXPECT_EQ(capture.wait(), 0) << capture.said;
  EXPECT_THAT(capture.said, HasSubstr("a:lan: 6 packets captured, 0 dropped by the kernel"));
  EXPECT_THAT(capture.said, HasSubstr("a:back: 0 packets captured"));
  EXPECT_THAT(capture.said, HasSubstr("b:lan: 6 packets captured"));
  std::string seen = tshark(capture.output, {"-T", "fields", "-e", "frame.interface_name", "-e", "icmp.type"});
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n'), 12) << seen;
  // In the order of time: a request leaves a before it comes to b, and the answer goes the other way.
  EXPECT_TRUE(seen.starts_with("a:lan\t8\nb:lan\t8\nb:lan\t0\na:lan\t0\n")) << seen;
}

TEST_P(CaptureCommand, HasOneInterfaceForEachNodeAndLink) {
  Labctl capture({"capture", name_, "a:lan", "b", "a:back", "-w", "-", "-c", "4"});
  capture.wait_until_it_says("capturing on ");
  ping(3);
  EXPECT_EQ(capture.wait(), 0) << capture.said;
  packets::BlockReader reader;
  reader.add(capture.output);
  std::vector<std::string> names;
  std::size_t sections = 0, packets = 0;
  std::uint64_t last = 0;
  while (auto block = reader.next()) {
    if (auto* it = std::get_if<packets::Section>(&*block)) {
      ++sections;
      EXPECT_THAT(it->operating_system, HasSubstr("Linux"));
      EXPECT_THAT(it->comment, HasSubstr("lab " + name_));
    }
    if (auto* it = std::get_if<packets::Interface>(&*block)) names.push_back(it->name);
    if (auto* it = std::get_if<packets::Packet>(&*block)) {
      ++packets;
      EXPECT_GE(it->time, last);
      last = it->time;
    }
  }
  EXPECT_EQ(sections, 1u);
  EXPECT_EQ(packets, 4u) << "what --count says";
  EXPECT_THAT(names, testing::ElementsAre("a:back", "a:lan", "b:lan"));
}

TEST_P(CaptureCommand, SaysPacketsInWords) {
  Labctl capture({"capture", name_, "b:lan", "-f", "icmp[icmptype] = icmp-echo", "-c", "1"});
  capture.wait_until_it_says("capturing on b:lan");
  ping(1);
  EXPECT_EQ(capture.wait(), 0) << capture.said;
  EXPECT_THAT(capture.output, testing::ContainsRegex("^[0-9:.]+ b:lan .*\n$"));
}

TEST_P(CaptureCommand, EndsWithItsNode) {
  Labctl capture({"capture", name_, "b", "-w", "-"});
  capture.wait_until_it_says("capturing on b:lan");
  ping(1);
  lab_->control().kill_node("b");
  EXPECT_EQ(capture.wait(), 1);
  EXPECT_THAT(capture.said, HasSubstr("labctl: b: "));
  packets::BlockReader reader;
  reader.add(capture.output);
  while (reader.next()) continue;  // throws where it is cut
}

TEST_P(CaptureCommand, AStalledReaderLosesPacketsAndHoldsNobodyUp) {
  Labctl capture({"capture", name_, "b:lan", "-w", "-"});
  capture.wait_until_it_says("capturing on b:lan");
  // Nobody reads meanwhile; all of it is more than pipes, connections and the kernel's ring have room for.
  EXPECT_THAT(lab_->run("a", "ping -q -f -c 4000 -s 8000 10.0.0.2"), HasSubstr("4000 received, 0% packet loss"));
  capture.signal(SIGINT);
  EXPECT_EQ(capture.wait(), 0) << capture.said;
  EXPECT_THAT(capture.said, testing::Not(HasSubstr(" 0 dropped by the kernel")));
  EXPECT_THAT(capture.said, HasSubstr(" dropped by the kernel"));
}

TEST_P(CaptureCommand, RefusesWhatItCannotCapture) {
  auto refuses = [&](std::vector<std::string> words, int code, const std::string& why) {
    words.insert(words.begin(), {"capture", name_});
    Labctl capture(words);
    EXPECT_EQ(capture.wait(), code) << capture.said;
    EXPECT_THAT(capture.said, HasSubstr(why));
    EXPECT_EQ(capture.output, "");
  };
  refuses({"a", "-f", "tcp prot 80"}, 2, "syntax error");
  refuses({"c"}, 1, "has no node or pod \"c\"");
  refuses({"a:lam", "b", "-w", "-"}, 1, "a: no link \"lam\" here; there are lo, ");
  refuses({"a:"}, 2, "\"a:\" is neither NODE nor NODE:LINK");
  refuses({"a", "-c", "0"}, 2, "\"0\" is no number of packets: 1 or more");
}

TEST_P(CaptureCommand, SaysOnceThatItsFileCannotBeWritten) {
  Labctl capture({"capture", name_, "a", "b", "-w", "/nonexistent/x"});
  EXPECT_EQ(capture.wait(), 1) << capture.said;
  EXPECT_THAT(capture.said, testing::MatchesRegex("labctl: [^\n]*/nonexistent/x: No such file or directory\n"));
}

TEST_P(CaptureCommand, ShowReadsTheTablesOfANode) {
  ping(1);
  auto show = [&](const std::string& table) {
    Labctl labctl({"show", name_, "a", table});
    EXPECT_EQ(labctl.wait(), 0) << labctl.said;
    return labctl.output;
  };
  EXPECT_THAT(show("links"), HasSubstr("link lan, kind veth\n  set       up, state UP, with carrier"));
  EXPECT_THAT(show("routes"), testing::ContainsRegex("main +10.0.0.0/24 +- +lan +10.0.0.1 +kernel +link"));
  EXPECT_THAT(show("routes"), testing::ContainsRegex("32766 +inet +from all lookup main"));
  EXPECT_THAT(show("neigh"), testing::ContainsRegex("10.0.0.2 +lan +[0-9a-f:]{17} +[A-Z]+"));
}

INSTANTIATE_TEST_SUITE_P(Kernels, CaptureCommand, testing::Values("host", "uml"), running_lab::name_of_kernel);

}  // namespace
