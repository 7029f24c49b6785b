#include "labctl/kernel/multiplexer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "lib/base/error.h"

namespace {

namespace asio = boost::asio;
using kernel::LineProtocol;
using kernel::Multiplexer;
using Socket = Multiplexer::Socket;

std::pair<base::FileDescriptor, base::FileDescriptor> socket_pair() {
  int ends[2];
  base::check_system("make a socket pair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  return {base::FileDescriptor(ends[0]), base::FileDescriptor(ends[1])};
}

struct MultiplexerTest : testing::Test {
  MultiplexerTest() {
    auto [host_line, guest_line] = socket_pair();
    auto failed = [this](const std::string& why) { failure = why; };
    host.emplace(context, std::move(host_line), LineProtocol::Side::kHost, kernel::kHostLimits, failed);
    guest.emplace(context, std::move(guest_line), LineProtocol::Side::kGuest, kernel::kGuestLimits, failed);
    guest->serve(Multiplexer::kControl, [this] {
      auto [ours, theirs] = socket_pair();
      served.push_back(make_socket(std::move(ours)));
      return make_socket(std::move(theirs));
    });
  }

  Socket make_socket(base::FileDescriptor descriptor) {
    return Socket(context, asio::local::stream_protocol(), descriptor.release());
  }
  // A connection of a client on the host; what serves it in the guest is served.back() then.
  Socket connect() {
    auto [ours, theirs] = socket_pair();
    std::size_t count = served.size();
    host->open(Multiplexer::kControl, make_socket(std::move(theirs)));
    run_until([&] { return served.size() > count; });
    return make_socket(std::move(ours));
  }
  void run_until(const std::function<bool()>& done) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      context.run_one_for(std::chrono::milliseconds(100));
    }
  }
  std::string read_to_end(Socket& socket, std::size_t& read) {
    std::string data;
    std::array<char, 65536> buffer;
    bool ended = false;
    std::function<void()> more = [&] {
      socket.async_read_some(asio::buffer(buffer), [&](boost::system::error_code error, std::size_t count) {
        data.append(buffer.data(), count);
        read = data.size();
        ended = static_cast<bool>(error);
        if (!ended) more();
      });
    };
    more();
    run_until([&] { return ended; });
    return data;
  }
  void send_and_end(Socket& socket, const std::string& data) {
    asio::async_write(socket, asio::buffer(data), [&socket](boost::system::error_code, std::size_t) {
      boost::system::error_code gone;
      socket.shutdown(Socket::shutdown_send, gone);
    });
  }

  asio::io_context context;
  std::string failure;
  std::vector<Socket> served;
  std::optional<Multiplexer> host;
  std::optional<Multiplexer> guest;
  std::size_t ignored = 0;
};

TEST_F(MultiplexerTest, CarriesBothDirectionsAndTheirEnds) {
  served.reserve(4);
  Socket client = connect();
  std::string question(200000, 'q'), answer(300000, 'a');
  send_and_end(client, question);
  EXPECT_EQ(read_to_end(served.back(), ignored), question);
  send_and_end(served.back(), answer);
  EXPECT_EQ(read_to_end(client, ignored), answer);
}

TEST_F(MultiplexerTest, AStalledReaderHoldsUpNobodyElse) {
  served.reserve(4);
  Socket stalled = connect();
  std::string flood(4000000, 'f');
  send_and_end(stalled, flood);
  Socket lively = connect();
  std::string data(1000000, 'd');
  send_and_end(lively, data);
  EXPECT_EQ(read_to_end(served.back(), ignored), data);
  // The one that stalled has lost nothing.
  EXPECT_EQ(read_to_end(served.front(), ignored), flood);
}

TEST_F(MultiplexerTest, AClientThatGoesAwayIsNoticedByItsServer) {
  served.reserve(4);
  Socket client = connect();
  client.close();
  EXPECT_EQ(read_to_end(served.back(), ignored), "");
}

TEST_F(MultiplexerTest, AChannelThatNobodyServesIsReset) {
  auto [ours, theirs] = socket_pair();
  host->open(Multiplexer::kProgress, make_socket(std::move(theirs)));
  Socket client = make_socket(std::move(ours));
  EXPECT_EQ(read_to_end(client, ignored), "");
  EXPECT_EQ(failure, "");
}

TEST_F(MultiplexerTest, ALostLineEndsEveryStreamAndIsTold) {
  served.reserve(4);
  Socket client = connect();
  guest.reset();
  EXPECT_EQ(read_to_end(client, ignored), "");
  EXPECT_NE(failure, "");
}

TEST_F(MultiplexerTest, AClientThatIsKilledIsMissedThoughNobodyReadsWhatItSends) {
  Socket client = connect();
  std::string much(4 << 20, 'x');
  asio::async_write(client, asio::buffer(much), [](boost::system::error_code, std::size_t) {});
  context.run_for(std::chrono::milliseconds(300));  // all buffers are full
  bool hung_up = false;
  served.back().async_wait(Socket::wait_error, [&](boost::system::error_code) { hung_up = true; });
  client.close();
  run_until([&] { return hung_up; });
}

}  // namespace
