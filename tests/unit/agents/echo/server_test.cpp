#include "agents/echo/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>

#include "lib/kube/objects.h"

namespace echo {
namespace {

namespace asio = boost::asio;
namespace http = base::http;
using boost::system::error_code;
using kube::number_at;
using kube::text_at;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

kube::Object parse(const std::string& line) {
  return boost::json::parse(line).as_object();
}

// The server and its clients on one event loop.
class EchoTest : public ::testing::Test {
 protected:
  void run() {
    loop_.restart();
    loop_.run_for(10s);
    ASSERT_TRUE(loop_.stopped()) << "nothing stopped the loop";
  }

  http::Response fetch(const std::string& target, const std::string& method = "GET") {
    if (!client_) {
      client_ = std::make_unique<http::Client>(loop_, http::Endpoint::tcp("127.0.0.1", server_.serve_http(0)));
    }
    http::Request request;
    request.method = method;
    request.target = target;
    request.headers.emplace("X-Test", "yes");
    http::Response response;
    client_->request(std::move(request), [&](http::Outcome outcome) {
      response = outcome.value();
      loop_.stop();
    });
    run();
    return response;
  }

  // What a client hears that asks ADDRESS and listens to nobody else.
  kube::Object ask_by_udp(const char* address, const std::string& data) {
    asio::ip::udp::endpoint server(asio::ip::make_address(address), server_.serve_udp(0));
    asio::ip::udp::socket socket(loop_, server.protocol());
    socket.connect(server);
    socket.send(asio::buffer(data));
    std::string answer(64 * 1024, '\0');
    socket.async_receive(asio::buffer(answer), [&](const error_code& failure, size_t size) {
      EXPECT_FALSE(failure) << failure.message();
      answer.resize(size);
      loop_.stop();
    });
    run();
    return loop_.stopped() && answer.size() < 64 * 1024 ? parse(answer) : kube::Object();
  }

  asio::io_context loop_{1};
  Server server_{loop_, {"web-1", "w1", "default", "10.244.1.5"}};
  std::unique_ptr<http::Client> client_;
};

TEST_F(EchoTest, AnswersEveryPathWithOneLine) {
  http::Response response = fetch("/a%20b/c?x=1", "PUT");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, EndsWith("}\n"));
  kube::Object answer = parse(response.body);
  EXPECT_EQ(text_at(answer, "server"), "web-1");
  EXPECT_EQ(text_at(answer, "client"), "127.0.0.1");
  EXPECT_GT(number_at(answer, "clientPort"), 0);
  EXPECT_THAT(text_at(answer, "local"), HasSubstr("127.0.0.1:"));
  EXPECT_EQ(text_at(answer, "method"), "PUT");
  EXPECT_EQ(text_at(answer, "path"), "/a b/c");
  EXPECT_EQ(text_at(answer, "query"), "x=1");
  EXPECT_EQ(text_at(answer, "headers.X-Test"), "yes");
}

TEST_F(EchoTest, AnswersWithTheStatusThatIsAskedFor) {
  EXPECT_EQ(fetch("/status/503").status, 503);
  EXPECT_EQ(fetch("/status/204").body, "");
  EXPECT_EQ(fetch("/status/204").status, 204);
  for (const char* wrong : {"/status/99", "/status/600", "/status/x", "/status/200x"}) {
    EXPECT_EQ(fetch(wrong).status, 400) << wrong;
  }
}

TEST_F(EchoTest, IsHealthy) {
  EXPECT_EQ(fetch("/healthz").body, "ok");
}

TEST_F(EchoTest, SendsAsManyBytesAsAreAskedFor) {
  EXPECT_EQ(fetch("/bytes/0").body.size(), 0u);
  EXPECT_EQ(fetch("/bytes/1000000").body.size(), 1000000u);
  EXPECT_EQ(fetch("/bytes/5000000000").status, 400);
}

TEST_F(EchoTest, AnswersLaterWhereAskedTo) {
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(text_at(parse(fetch("/delay/100").body), "path"), "/delay/100");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
  EXPECT_EQ(fetch("/delay/60001").status, 400);
  EXPECT_EQ(fetch("/delay/-1").status, 400);
}

TEST_F(EchoTest, GreetsTcpClientsAndSendsBackWhatTheySay) {
  asio::ip::tcp::socket socket(loop_);
  socket.connect({asio::ip::make_address("127.0.0.1"), server_.serve_tcp(0)});
  std::string said(100'000, 'y'), heard;
  asio::async_write(socket, asio::buffer(said),
                    [&](const error_code&, size_t) { socket.shutdown(asio::ip::tcp::socket::shutdown_send); });
  asio::async_read(socket, asio::dynamic_buffer(heard), [&](const error_code& end, size_t) {
    EXPECT_EQ(end, asio::error::eof);
    loop_.stop();
  });
  run();
  size_t newline = heard.find('\n');
  kube::Object greeting = parse(heard.substr(0, newline));
  EXPECT_EQ(text_at(greeting, "server"), "web-1");
  EXPECT_EQ(text_at(greeting, "protocol"), "tcp");
  EXPECT_EQ(number_at(greeting, "clientPort"), socket.local_endpoint().port());
  EXPECT_EQ(heard.substr(newline + 1), said);
}

TEST_F(EchoTest, AnswersDatagramsFromTheAddressThatWasAsked) {
  // The routing table would choose 127.0.0.1 as source.
  kube::Object answer = ask_by_udp("127.0.0.2", "hello\n");
  EXPECT_EQ(text_at(answer, "server"), "web-1");
  EXPECT_EQ(text_at(answer, "protocol"), "udp");
  EXPECT_EQ(text_at(answer, "data"), "hello\n");
  EXPECT_THAT(text_at(answer, "local"), HasSubstr("127.0.0.2:"));
}

TEST_F(EchoTest, AnswersDatagramsOverIpv6) {
  error_code failure;
  asio::ip::udp::socket probe(loop_);
  probe.open(asio::ip::udp::v6(), failure);
  if (!failure) probe.bind({asio::ip::make_address("::1"), 0}, failure);
  if (failure) GTEST_SKIP() << "the loopback device has no IPv6 address: " << failure.message();
  kube::Object answer = ask_by_udp("::1", "hello");
  EXPECT_EQ(text_at(answer, "client"), "::1");
  EXPECT_THAT(text_at(answer, "local"), HasSubstr("[::1]:"));
}

TEST_F(EchoTest, AnswersTheLargestDatagram) {
  kube::Object answer = ask_by_udp("127.0.0.1", std::string(60'000, '\x01'));
  EXPECT_EQ(number_at(answer, "bytes"), 60'000);
  EXPECT_FALSE(text_at(answer, "data").empty());
}

TEST_F(EchoTest, EndsWhenItsLastClientHasGone) {
  asio::ip::tcp::endpoint address(asio::ip::make_address("127.0.0.1"), server_.serve_tcp(0));
  asio::ip::tcp::socket socket(loop_);
  socket.connect(address);
  std::string heard;
  asio::async_read_until(socket, asio::dynamic_buffer(heard), '\n', [&](const error_code&, size_t) { loop_.stop(); });
  run();
  bool drained = false;
  server_.drain([&] {
    drained = true;
    loop_.stop();
  });
  error_code refused;
  asio::ip::tcp::socket(loop_).connect(address, refused);
  EXPECT_EQ(refused, asio::error::connection_refused);
  loop_.restart();
  loop_.poll();
  EXPECT_FALSE(drained) << "a client is still there";
  asio::write(socket, asio::buffer("still here\n", 11));
  asio::async_read_until(socket, asio::dynamic_buffer(heard), "here\n",
                         [&](const error_code&, size_t) { socket.close(); });
  run();
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace echo
