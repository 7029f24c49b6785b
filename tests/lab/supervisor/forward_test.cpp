// Connections carried into a lab: every byte and both ends of what is sent arrive, and nothing else gets hold of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>

#include "labctl/lab/forwarder.h"
#include "lib/base/error.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::OnWhateverKernel;
using running_lab::RunningLab;
using testing::HasSubstr;
using testing::Not;

// Reads late and little at a time; says how much came, ends what it sends, and goes on to the end of what comes.
constexpr const char* late_reader = R"(
version: 1
name: forward
nodes:
  alice: {}
  bob:
    workloads:
      reader:
        run: |
          exec python3 -uc '
          import socket, time
          s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
          s.bind(("127.0.0.1", 80)); s.listen()
          while True:
              c, _ = s.accept()
              c.sendall(b"hello"); c.shutdown(socket.SHUT_WR)
              time.sleep(0.3); n = 0
              while data := c.recv(65536): n += len(data)
              open("/run/got", "a").write(f"{n}\n"); c.close()
          '
        ready: { tcp: 80 }
)";

class ForwardTest : public OnWhateverKernel {
 protected:
  void SetUp() override {
    lab_ = std::make_unique<RunningLab>(late_reader);
    listener_ = base::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
    socklen_t size = sizeof address_;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    lab::ForwardTarget target{"bob", "127.0.0.1", 80};
    forwarder_ = std::make_unique<lab::Forwarder>(loop_, lab_->folder(), target, listener_.duplicate(),
                                                  [](const base::Error& error) { ADD_FAILURE() << error.what(); });
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    forwarder_.reset();
  }

  base::FileDescriptor connect() {
    base::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    base::check_system("connect", ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_));
    return socket;
  }

  std::unique_ptr<RunningLab> lab_;
  base::FileDescriptor listener_;
  sockaddr_in address_{};
  boost::asio::io_context loop_{1};
  std::unique_ptr<lab::Forwarder> forwarder_;
  std::thread thread_;
};

TEST_F(ForwardTest, ALateReaderGetsAllOfIt) {
  // From what fits into every buffer on the way to what does not.
  for (int tenths = 1; tenths <= 60; tenths += 4) {
    std::string sent(static_cast<size_t>(tenths) * 100000, 'x');
    base::FileDescriptor socket = connect();
    base::write_all(socket.get(), sent);
    ::shutdown(socket.get(), SHUT_WR);
    EXPECT_EQ(base::read_all(socket.get()), "hello");
    std::string wanted = std::to_string(sent.size()) + "\n";
    EXPECT_EQ(
        lab_->run("bob",
                  "for i in $(seq 100); do test -s /run/got && break; sleep 0.1; done; cat /run/got; rm -f /run/got"),
        wanted);
  }
}

TEST_F(ForwardTest, TheEndOfTheAnswerIsNoEndOfTheQuestion) {
  base::FileDescriptor socket = connect();
  EXPECT_EQ(base::read_all(socket.get()), "hello") << "the answer has ended";
  base::write_all(socket.get(), "and yet");
  ::shutdown(socket.get(), SHUT_WR);
  EXPECT_EQ(lab_->run("bob", "for i in $(seq 100); do test -s /run/got && break; sleep 0.1; done; cat /run/got"),
            "7\n");
}

TEST_F(ForwardTest, NoOtherProcessHoldsTheConnection) {
  base::FileDescriptor socket = connect();
  EXPECT_EQ(base::read_all(socket.get()), "hello");
  EXPECT_THAT(lab_->run("alice", "ls -l /proc/self/fd"), Not(HasSubstr("socket:")));
}

}  // namespace
