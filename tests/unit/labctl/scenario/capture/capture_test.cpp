// The program capture, on a link of the test's own.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/base/run.h"
#include "lib/packets/pcapng.h"
#include "tests/unit/private_network.h"

namespace {

using testing::HasSubstr;

class CaptureProgram : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    sh("ip link add lan type veth peer name far; ip link set far up; ip link set lan up; ip addr add 10.0.0.1/24 dev "
       "lan; "
       "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev lan nud permanent");
  }
  static void sh(const std::string& command) { base::run_checked({"sh", "-c", command}); }
  // COUNT echo requests to who does not answer.
  static void send(int count) {
    base::run_command({"ping", "-q", "-c", std::to_string(count), "-i", "0.01", "-W", "0.01", "10.0.0.2"});
  }
  static base::RunResult capture(std::vector<std::string> words) {
    words.insert(words.begin(), LIBEXEC_DIR "/capture");
    return base::run_command(words);
  }

  // `capture stream` that runs while the test goes on.
  class Stream {
   public:
    explicit Stream(std::vector<std::string> words) : pipe_(base::make_pipe()) {
      base::Program program;
      program.arguments = {LIBEXEC_DIR "/capture", "stream", "--node", "a"};
      program.arguments.insert(program.arguments.end(), words.begin(), words.end());
      program.environment = {{"PATH", ::getenv("PATH")}};
      program.output = pipe_.write_end.get();
      process_ = base::start_program(program);
      pipe_.write_end.reset();
    }
    ~Stream() {
      if (process_ > 0) ::kill(process_, SIGKILL), ::waitpid(process_, nullptr, 0);
    }
    // Reads up to and with the first block of this kind, or to the end.
    template <class Kind>
    void wait_for() {
      while ((blocks_.empty() || !std::holds_alternative<Kind>(blocks_.back())) && read_some()) continue;
    }
    std::vector<packets::Block> finish() {
      ::kill(process_, SIGINT);
      return read_to_end();
    }
    std::vector<packets::Block> read_to_end() {
      while (read_some()) continue;
      int status = 0;
      ::waitpid(std::exchange(process_, -1), &status, 0);
      EXPECT_EQ(base::exit_code_of(status), 0);
      return blocks_;
    }

   private:
    bool read_some() {
      char buffer[4096];
      ssize_t count = ::read(pipe_.read_end.get(), buffer, sizeof buffer);
      if (count <= 0) return false;
      reader_.add({buffer, static_cast<std::size_t>(count)});
      while (auto block = reader_.next()) blocks_.push_back(std::move(*block));
      return true;
    }
    base::Pipe pipe_;
    pid_t process_ = -1;
    packets::BlockReader reader_;
    std::vector<packets::Block> blocks_;
  };

  template <class Kind>
  static std::vector<Kind> all(const std::vector<packets::Block>& blocks) {
    std::vector<Kind> found;
    for (const packets::Block& block : blocks) {
      if (const auto* it = std::get_if<Kind>(&block)) found.push_back(*it);
    }
    return found;
  }
};

TEST_F(CaptureProgram, StreamsAllLinksButLoopback) {
  Stream stream({"--filter", "icmp"});
  stream.wait_for<packets::Statistics>();
  send(3);
  std::vector<packets::Block> blocks = stream.finish();
  std::vector<packets::Interface> interfaces = all<packets::Interface>(blocks);
  ASSERT_EQ(interfaces.size(), 2u);
  std::vector<std::string> names{interfaces[0].name, interfaces[1].name};
  EXPECT_THAT(names, testing::UnorderedElementsAre("a:lan", "a:far"));
  EXPECT_EQ(interfaces[0].filter, "icmp");
  EXPECT_THAT(all<packets::Section>(blocks).at(0).operating_system, HasSubstr("Linux"));
  // Each is seen where it goes out and where it comes in, and the statistics say so.
  EXPECT_EQ(all<packets::Packet>(blocks).size(), 6u);
  std::vector<packets::Statistics> counts = all<packets::Statistics>(blocks);
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[1].received, 3u);
  EXPECT_EQ(counts[2].received, 3u);
  EXPECT_EQ(counts[2].dropped, 0u);
}

TEST_F(CaptureProgram, CutsPacketsAtTheSnapLength) {
  Stream stream({"--filter", "icmp", "--snaplen", "40", "lan"});
  stream.wait_for<packets::Statistics>();
  send(1);
  std::vector<packets::Packet> packets = all<packets::Packet>(stream.finish());
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].data.size(), 40u);
  EXPECT_EQ(packets[0].original_length, 98u);
}

TEST_F(CaptureProgram, EndsWithItsLink) {
  Stream stream({"lan"});
  stream.wait_for<packets::Statistics>();
  sh("ip link del lan");
  EXPECT_EQ(all<packets::Interface>(stream.read_to_end()).size(), 1u);
}

TEST_F(CaptureProgram, RefusesALinkThatIsNotThere) {
  base::RunResult result = capture({"stream", "--node", "a", "lam"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("no link \"lam\" here; there are lo, "));
}

TEST_F(CaptureProgram, RefusesAFilterInLibpcapsWords) {
  base::RunResult result = capture({"stream", "--node", "a", "--filter", "tcp prot 80", "lan"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("filter \"tcp prot 80\": "));
  EXPECT_THAT(result.error_output, HasSubstr("syntax error"));
}

class Recording : public CaptureProgram {
 protected:
  void SetUp() override {
    CaptureProgram::SetUp();
    if (::mkdtemp(folder_.data()) == nullptr) throw base::Error::system("make a folder below /tmp");
  }
  void TearDown() override {
    // The recorders end with their links.
    if (!IsSkipped()) base::run_command({"ip", "link", "del", "lan"});
    std::filesystem::remove_all(folder_);
  }
  base::RunResult record(const std::vector<std::string>& words) const {
    std::vector<std::string> all{"record", "--node", "a", "--folder", folder_};
    all.insert(all.end(), words.begin(), words.end());
    return capture(all);
  }
  boost::json::object count(const std::string& filter, const std::string& link = {}) const {
    std::vector<std::string> words{"count", "--node", "a", "--folder", folder_, "--filter", filter};
    if (!link.empty()) words.push_back(link);
    base::RunResult result = capture(words);
    if (result.exit_code != 0) throw base::Error(result.error_output);
    return boost::json::parse(result.output).as_object();
  }
  static std::int64_t number(const boost::json::object& counted, const char* key) {
    return counted.at(key).to_number<std::int64_t>();
  }

  std::string folder_ = "/tmp/labctl-recording-XXXXXX";
};

TEST_F(Recording, CountsWhatHasCome) {
  ASSERT_EQ(record({"lan"}).exit_code, 0);
  send(3);
  boost::json::object counted = count("icmp[icmptype] = icmp-echo and dst host 10.0.0.2");
  EXPECT_EQ(number(counted, "packets"), 3);
  EXPECT_EQ(number(counted, "lost"), 0);
  EXPECT_EQ(counted.at("lines").as_array().size(), 3u);
  EXPECT_EQ(number(count("tcp"), "packets"), 0);
  send(2);
  EXPECT_EQ(number(count("icmp", "lan"), "packets"), 5);
}

TEST_F(Recording, OfALinkBeginsAnew) {
  ASSERT_EQ(record({"lan"}).exit_code, 0);
  send(3);
  ASSERT_EQ(record({"lan"}).exit_code, 0);
  send(1);
  EXPECT_EQ(number(count("icmp", "lan"), "packets"), 1);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/a/lan.1.pcapng")) << "kept for whoever looks for a cause";
}

TEST_F(Recording, OfAllLinksIsAskedForEach) {
  ASSERT_EQ(record({"--filter", "icmp"}).exit_code, 0);
  send(2);
  EXPECT_EQ(number(count("icmp"), "packets"), 4);
  EXPECT_EQ(number(count("icmp", "far"), "packets"), 2);
}

TEST_F(Recording, OfLinksOfOtherTypesIsAskedAsWell) {
  sh("ip tuntap add dev tun7 mode tun && ip link set tun7 up");
  ASSERT_EQ(record({"--filter", "arp or icmp"}).exit_code, 0);
  EXPECT_EQ(record({"--filter", "arp", "lan", "tun7"}).exit_code, 0);
  send(1);
  EXPECT_EQ(number(count("arp or icmp"), "packets"), 2);
  base::RunResult none = record({"--filter", "arp", "tun7"});
  sh("ip link del tun7");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.error_output, HasSubstr("filter \"arp\": "));
}

TEST_F(Recording, ThatIsNotThereIsAnError) {
  EXPECT_THROW(count("icmp"), base::Error);
}

}  // namespace
