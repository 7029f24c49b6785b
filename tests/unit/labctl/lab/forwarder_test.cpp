#include "labctl/lab/forwarder.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/labctl/lab/fake_lab.h"

namespace lab {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// A forwarder that runs on a thread of its own, and connections to it.
class ForwarderTest : public ::testing::Test {
 protected:
  ForwarderTest() {
    base::FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base::check_system("bind", ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_));
    base::check_system("listen", ::listen(listener.get(), 64));
    socklen_t size = sizeof address_;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    forwarder_ = std::make_unique<Forwarder>(loop_, lab_.folder(), ForwardTarget{"default/web", "10.0.0.1", 80},
                                             std::move(listener),
                                             [this](const base::Error& error) { failures_.push_back(error.what()); });
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ForwarderTest() override {
    boost::asio::post(loop_, [this] { loop_.stop(); });
    thread_.join();
  }

  base::FileDescriptor connect() {
    base::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{10, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    base::check_system("connect", ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_));
    return socket;
  }

  // Answers what came, in capitals, once the peer has said that that was all.
  static void shout(fake::Socket socket, const base::http::Request&) {
    auto all = std::make_shared<std::string>();
    socket->on_message([socket, all](std::string data, bool) {
      if (!data.empty()) {
        *all += data;
        return;
      }
      for (char& c : *all) c = static_cast<char>(std::toupper(c));
      socket->send_binary(*all);
      socket->close();
    });
    socket->resume();
  }

  fake::RuntimeDirectory directory_;
  fake::Lab lab_;
  sockaddr_in address_{};
  boost::asio::io_context loop_{1};
  std::unique_ptr<Forwarder> forwarder_;
  std::vector<std::string> failures_;
  std::thread thread_;
};

TEST_F(ForwarderTest, CarriesBothWaysAndTheEndOfWhatIsSent) {
  std::string target;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request& request) {
    target = request.target;
    shout(socket, request);
  };
  base::FileDescriptor socket = connect();
  base::write_all(socket.get(), "hello");
  ::shutdown(socket.get(), SHUT_WR);
  EXPECT_EQ(base::read_all(socket.get()), "HELLO");
  EXPECT_THAT(target, ::testing::AllOf(::testing::HasSubstr("node=default%2Fweb"), ::testing::HasSubstr("port=80"),
                                       ::testing::HasSubstr("address=10.0.0.1")));
}

TEST_F(ForwarderTest, CarriesManyAtATime) {
  lab_.on_websocket = shout;
  std::vector<base::FileDescriptor> sockets;
  for (int i = 0; i < 50; ++i) sockets.push_back(connect());
  std::string large(300000, 'x');
  for (base::FileDescriptor& socket : sockets) {
    base::write_all(socket.get(), large);
    ::shutdown(socket.get(), SHUT_WR);
  }
  for (base::FileDescriptor& socket : sockets) EXPECT_EQ(base::read_all(socket.get()), std::string(300000, 'X'));
}

TEST_F(ForwarderTest, ARefusedConnectionIsResetAndSaid) {
  lab_.on_websocket = [](fake::Socket socket, const base::http::Request&) { socket->close("Connection refused"); };
  base::FileDescriptor socket = connect();
  char byte;
  EXPECT_EQ(::recv(socket.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  boost::asio::post(loop_, [this] { EXPECT_THAT(failures_, ElementsAre("Connection refused")); });
}

TEST_F(ForwarderTest, APeerThatDoesNotReadHoldsTheNodeBack) {
  std::atomic<std::size_t> written = 0;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    auto more = [&written, socket] {
      while (socket->writable() && !socket->closed()) {
        socket->send_binary(std::string(32768, 'x'));
        written += 32768;
      }
    };
    socket->on_writable(more);
    socket->resume();
    more();
  };
  base::FileDescriptor socket = connect();
  std::size_t before = 0;
  for (int i = 0; i < 100 && (written == 0 || written != before); ++i) {
    before = written;
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(written, before);
  EXPECT_LT(written, 16u << 20);  // TCP's own buffers are large
}

}  // namespace
}  // namespace lab
