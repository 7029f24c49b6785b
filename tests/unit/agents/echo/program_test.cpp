// The program as it is started in a pod: its ports, its signals, its exit code.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/http.h"
#include "lib/base/process.h"

namespace echo {
namespace {

namespace http = base::http;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

class Program {
 public:
  explicit Program(std::vector<std::string> options) {
    base::Pipe pipe = base::make_pipe();
    base::Program program;
    program.arguments = {LIBEXEC_DIR "/echo"};
    program.arguments.insert(program.arguments.end(), options.begin(), options.end());
    program.error = pipe.write_end.get();
    pid_ = base::start_program(program);
    output_ = std::move(pipe.read_end);
  }
  ~Program() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // "echo: NAME serves http on port 40123"
  http::Endpoint endpoint() {
    std::string line;
    for (char c = 0; c != '\n' && ::read(output_.get(), &c, 1) == 1;) line += c;
    return http::Endpoint::tcp("127.0.0.1", static_cast<uint16_t>(std::atoi(line.c_str() + line.rfind(' ') + 1)));
  }
  void terminate() { ::kill(pid_, SIGTERM); }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return base::exit_code_of(status);
  }
  std::string rest_of_output() { return base::read_all(output_.get()); }

 private:
  pid_t pid_ = 0;
  base::FileDescriptor output_;
};

// A request that the server works on while the test goes on.
class Request {
 public:
  Request(const http::Endpoint& endpoint, const std::string& path)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base::check_system("connect", ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    base::write_all(socket_.get(), "GET " + path + " HTTP/1.1\r\nHost: echo\r\n\r\n");
    // The server reads in the order of arrival: once it has answered this, it has the other.
    http::get(endpoint, "/healthz");
  }
  // Empty where the connection was cut.
  std::string answer() {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(socket_.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, size);
    return text;
  }

 private:
  base::FileDescriptor socket_;
};

TEST(EchoProgram, FinishesWhatIsUnderWayAndEndsWithZero) {
  Program program({"--http", "0", "--name", "web-1"});
  http::Endpoint endpoint = program.endpoint();
  Request request(endpoint, "/delay/300");
  program.terminate();
  auto start = Clock::now();
  EXPECT_EQ(program.wait(), 0);
  EXPECT_LT(Clock::now() - start, 1s);
  EXPECT_THAT(request.answer(), HasSubstr("\"server\":\"web-1\""));
}

TEST(EchoProgram, EndsAfterItsGraceWhateverIsUnderWay) {
  Program program({"--http", "0", "--grace", "0.1"});
  http::Endpoint endpoint = program.endpoint();
  Request request(endpoint, "/delay/20000");
  program.terminate();
  auto start = Clock::now();
  EXPECT_EQ(program.wait(), 0);
  EXPECT_LT(Clock::now() - start, 1s);
  EXPECT_EQ(request.answer(), "");
}

TEST(EchoProgram, SaysWhyItCannotServe) {
  Program first({"--http", "0"});
  http::Endpoint taken = first.endpoint();
  Program second({"--http", std::to_string(taken.port)});
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.rest_of_output(),
              HasSubstr("serve on TCP port " + std::to_string(taken.port) + ": bind: Address already in use"));
}

}  // namespace
}  // namespace echo
