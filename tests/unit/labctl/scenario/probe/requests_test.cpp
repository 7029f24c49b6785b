// Every way in which a request can end, told apart, over the kernel's own network: client ── router ── nowhere.
#include "labctl/scenario/probe/requests.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <thread>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "tests/unit/private_network.h"

namespace probe {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Takes one connection and does with it what SCRIPT says.
class Server {
 public:
  explicit Server(std::function<void(int client)> script)
      : socket_(base::check_system("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base::check_system("bind", ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    base::check_system("listen", ::listen(socket_.get(), 1));
    socklen_t length = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, script = std::move(script)] {
      base::FileDescriptor client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.valid()) script(client.get());
    });
  }
  ~Server() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  base::FileDescriptor socket_;
  int port_ = 0;
  std::thread thread_;
};

std::string read_request(int client) {
  std::string request;
  char piece[1024];
  while (request.find("\r\n\r\n") == std::string::npos) {
    ssize_t count = ::read(client, piece, sizeof piece);
    if (count <= 0) break;
    request.append(piece, static_cast<size_t>(count));
  }
  return request;
}

void reset(int client) {
  linger at_once{1, 0};
  ::setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::function<void(int)> answering(const std::string& answer) {
  return [answer](int client) {
    read_request(client);
    base::write_all(client, answer);
  };
}

Outcome request(Protocol protocol, const std::string& target, int timeout_ms = 3000) {
  RequestOptions options;
  options.timeout = milliseconds(timeout_ms);
  return make_request(protocol, Target::parse(protocol, target), options);
}

std::string failure_of(Protocol protocol, const std::string& target, int timeout_ms = 3000) {
  Outcome outcome = request(protocol, target, timeout_ms);
  return outcome.failure ? to_string(*outcome.failure) : "none";
}

class Requests : public PrivateNetwork {
 protected:
  // client 10.1.0.2 ── 10.1.0.1 router, which knows no way to 10.3.0.0/16, refuses 10.2.0.0/16 and
  // swallows 10.4.0.0/16.
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    router_ = netlink::create_network_namespace();
    netlink::Socket socket;
    netlink::NewLink near, far;
    near.name = "lan";
    near.up = true;
    far.name = "lan";
    netlink::create_veth(socket, near, far, router_);
    netlink::in_namespace(router_, [] {
      ip("link set lo up");
      ip("link set lan up");
      ip("addr add 10.1.0.1/24 dev lan");
      ip("addr add fd01::1/64 dev lan nodad");
      netlink::write_sysctl("net.ipv4.ip_forward", "1");
      netlink::write_sysctl("net.ipv6.conf.all.forwarding", "1");
      netlink::write_sysctl("net.ipv4.icmp_ratelimit", "0");
      ip("route add unreachable 10.2.0.0/16");
      ip("route add blackhole 10.4.0.0/16");
      ip("-6 route add unreachable fd02::/64");
    });
    ip("addr add 10.1.0.2/24 dev lan");
    ip("addr add fd01::2/64 dev lan nodad");
    ip("route add default via 10.1.0.1");
    ip("-6 route add fd02::/64 via fd01::1");
    // Nobody's neighbour is given up after 100 ms instead of three seconds.
    netlink::write_sysctl("net.ipv4.neigh.lan.retrans_time_ms", "100");
    netlink::write_sysctl("net.ipv4.neigh.lan.mcast_solicit", "1");
  }

  static void ip(const std::string& words) { base::run_checked({"sh", "-c", "ip " + words}); }

  base::FileDescriptor router_;
};

TEST_F(Requests, TellHttpAnswers) {
  Server server(answering("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater"));
  Outcome outcome = request(Protocol::http, server.url());
  EXPECT_FALSE(outcome.failure) << outcome.words;
  EXPECT_EQ(outcome.status, 503);
  EXPECT_EQ(outcome.body, "later");
  EXPECT_EQ(outcome.remote, server.address());
  EXPECT_THAT(outcome.local, StartsWith("127.0.0.1:"));
  EXPECT_GT(outcome.milliseconds, 0);
}

TEST_F(Requests, SayWhomTheyMean) {
  std::string asked;
  {
    Server server([&](int client) {
      asked = read_request(client);
      base::write_all(client, "HTTP/1.1 204 No Content\r\n\r\n");
    });
    EXPECT_EQ(request(Protocol::http, server.url("/a?b=c#d")).status, 204);
  }
  EXPECT_THAT(asked, StartsWith("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(asked, HasSubstr("Connection: close\r\n"));
}

TEST_F(Requests, ThatNobodyListensForAreRefused) {
  EXPECT_EQ(failure_of(Protocol::http, "http://127.0.0.1:1/"), "refused");
  EXPECT_EQ(failure_of(Protocol::tcp, "10.1.0.1:1"), "refused");
  EXPECT_EQ(failure_of(Protocol::udp, "10.1.0.1:1"), "refused");
  EXPECT_EQ(failure_of(Protocol::tcp, "[fd01::1]:1"), "refused");
  EXPECT_EQ(failure_of(Protocol::udp, "[fd01::1]:1"), "refused");
}

TEST_F(Requests, ThatAreCutAreReset) {
  Server early([](int client) { reset(client); });
  EXPECT_EQ(failure_of(Protocol::http, early.url()), "reset");
  Server late([](int client) {
    read_request(client);
    base::write_all(client, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    reset(client);
  });
  EXPECT_EQ(failure_of(Protocol::http, late.url()), "reset");
}

TEST_F(Requests, ThatEndWithoutAnAnswerAreNoReset) {
  Server server([](int client) { read_request(client); });
  Outcome outcome = request(Protocol::http, server.url());
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(to_string(*outcome.failure), "other");
  EXPECT_EQ(outcome.words, "the connection was closed without an answer");
}

TEST_F(Requests, ToNowhereAreUnreachable) {
  for (Protocol protocol : {Protocol::tcp, Protocol::udp}) {
    EXPECT_EQ(failure_of(protocol, "10.2.0.1:80"), "unreachable") << "the router says: host unreachable";
    EXPECT_EQ(failure_of(protocol, "10.3.0.1:80"), "unreachable") << "the router says: network unreachable";
    EXPECT_EQ(failure_of(protocol, "10.1.0.99:80"), "unreachable") << "nobody answers ARP";
    EXPECT_EQ(failure_of(protocol, "[fd02::1]:80"), "unreachable") << "the router says so by ICMPv6";
    EXPECT_EQ(failure_of(protocol, "[fd03::1]:80"), "unreachable") << "no route here";
  }
  for (const char* target : {"10.2.0.1", "10.3.0.1", "10.1.0.99", "fd02::1", "fd03::1"}) {
    EXPECT_EQ(failure_of(Protocol::ping, target), "unreachable") << target;
  }
}

TEST_F(Requests, ThatAreSwallowedTimeOutInTime) {
  for (Protocol protocol : {Protocol::tcp, Protocol::udp}) {
    Outcome outcome = request(protocol, "10.4.0.1:80", 150);
    EXPECT_EQ(outcome.failure, Failure::timeout);
    EXPECT_GE(outcome.milliseconds, 150);
    EXPECT_LT(outcome.milliseconds, 1000);
    EXPECT_THAT(outcome.local, StartsWith("10.1.0.2:"));
  }
  EXPECT_EQ(failure_of(Protocol::ping, "10.4.0.1", 100), "timeout");
}

TEST_F(Requests, ThatAServerKeepsWaitingTimeOut) {
  Server silent([](int client) {
    read_request(client);
    char byte;
    while (::read(client, &byte, 1) > 0) {
    }
  });
  EXPECT_EQ(failure_of(Protocol::http, silent.url(), 100), "timeout");
}

TEST_F(Requests, PingBothVersions) {
  for (const char* target : {"10.1.0.1", "fd01::1", "127.0.0.1"}) {
    Outcome outcome = request(Protocol::ping, target);
    EXPECT_FALSE(outcome.failure) << target << ": " << outcome.words;
    EXPECT_EQ(outcome.remote, target);
  }
}

TEST_F(Requests, ReadTheLineOfATcpServerWhereAsked) {
  Server server([](int client) { base::write_all(client, "{\"server\":\"a\"}\nmore"); });
  RequestOptions options;
  options.read_line = true;
  Outcome outcome = make_request(Protocol::tcp, Target::parse(Protocol::tcp, server.address()), options);
  EXPECT_FALSE(outcome.failure);
  EXPECT_EQ(outcome.body, "{\"server\":\"a\"}");
}

TEST_F(Requests, FailToLookUpANameInWords) {
  Outcome outcome = request(Protocol::tcp, "no-such-name.invalid:80");
  EXPECT_EQ(outcome.failure, Failure::other);
  EXPECT_THAT(outcome.words, StartsWith("look up no-such-name.invalid: "));
}

// The program itself.
TEST_F(Requests, AreMadeByTheProgramOneAfterTheOther) {
  auto run = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), LIBEXEC_DIR "/probe");
    return base::run_command(arguments);
  };
  base::RunResult result = run({"--requests", "3", "tcp", "127.0.0.1:1"});
  EXPECT_EQ(result.exit_code, 0) << "a request that fails is no failure of the probe: " << result.error_output;
  EXPECT_THAT(result.output,
              StartsWith(R"({"protocol":"tcp","target":"127.0.0.1:1","requests":[{"ok":false,"failure":"refused")"));
  auto count = [](const std::string& text, const std::string& word) {
    size_t found = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count(result.output, "\"ok\""), 3u);
  EXPECT_EQ(count(run({"--requests", "3", "--until", "failure", "tcp", "127.0.0.1:1"}).output, "\"ok\""), 1u);
  EXPECT_EQ(count(run({"--requests", "3", "--until", "success", "ping", "127.0.0.1"}).output, "\"ok\""), 1u);
  EXPECT_EQ(run({"tcp"}).exit_code, 2);
  EXPECT_EQ(run({"--timeout", "soon", "tcp", "127.0.0.1:1"}).exit_code, 2);
}

}  // namespace
}  // namespace probe
