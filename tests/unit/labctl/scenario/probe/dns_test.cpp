// Questions to a name server that answers as each test wants it to.
#include "labctl/scenario/probe/dns.h"

#include <gmock/gmock.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace probe {
namespace {

using testing::HasSubstr;

// One datagram, and where it is to be asked by TCP, one connection.
class NameServer {
 public:
  using Answer = std::function<std::string(const std::string& query)>;

  NameServer() {
    open_both();
    ::listen(listener_.get(), 1);
  }
  ~NameServer() {
    if (thread_.joinable()) thread_.join();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void serve(Answer by_udp, Answer by_tcp = nullptr) {
    thread_ = std::thread([this, by_udp, by_tcp] {
      char buffer[512];
      sockaddr_in peer{};
      socklen_t length = sizeof peer;
      ssize_t size =
          ::recvfrom(datagrams_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &length);
      std::string answer = by_udp(std::string(buffer, static_cast<size_t>(size)));
      ::sendto(datagrams_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer), length);
      if (!by_tcp) return;
      base::FileDescriptor connection(::accept(listener_.get(), nullptr, nullptr));
      size = ::recv(connection.get(), buffer, sizeof buffer, 0);
      answer = by_tcp(std::string(buffer + 2, static_cast<size_t>(size) - 2));
      std::string framed{static_cast<char>(answer.size() >> 8), static_cast<char>(answer.size() & 0xff)};
      framed += answer;
      ::send(connection.get(), framed.data(), framed.size(), 0);
    });
  }

 private:
  // A port that is free for datagrams may be somebody's for connections.
  void open_both() {
    for (int attempts = 100; attempts > 0; --attempts) {
      datagrams_ = open(SOCK_DGRAM, 0);
      try {
        listener_ = open(SOCK_STREAM, port_);
        return;
      } catch (const base::Error& error) {
        if (error.error_number() != EADDRINUSE) throw;
      }
    }
    throw base::Error("no port is free for both");
  }

  base::FileDescriptor open(int type, std::uint16_t port) {
    base::FileDescriptor descriptor(::socket(AF_INET, type, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t length = sizeof address;
    base::check_system("bind", ::bind(descriptor.get(), reinterpret_cast<sockaddr*>(&address), length));
    ::getsockname(descriptor.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    return descriptor;
  }

  std::uint16_t port_ = 0;
  base::FileDescriptor datagrams_, listener_;
  std::thread thread_;
};

// The answer to QUERY with these records, as zone files write them.
std::string answer(const std::string& query, const std::vector<std::string>& records, int code = LDNS_RCODE_NOERROR,
                   bool truncated = false) {
  ldns_pkt* packet = nullptr;
  EXPECT_EQ(ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(query.data()), query.size()), LDNS_STATUS_OK);
  ldns_pkt_set_qr(packet, true);
  ldns_pkt_set_tc(packet, truncated);
  ldns_pkt_set_rcode(packet, static_cast<std::uint8_t>(code));
  for (const std::string& text : records) {
    ldns_rr* record = nullptr;
    EXPECT_EQ(ldns_rr_new_frm_str(&record, text.c_str(), 0, nullptr, nullptr), LDNS_STATUS_OK) << text;
    ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, record);
  }
  std::uint8_t* bytes = nullptr;
  size_t size = 0;
  EXPECT_EQ(ldns_pkt2wire(&bytes, packet, &size), LDNS_STATUS_OK);
  std::string wire(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  ldns_pkt_free(packet);
  return wire;
}

constexpr std::chrono::milliseconds patience{2000};

TEST(Dns, RecordsOfTheTypeAreTheAnswer) {
  NameServer server;
  server.serve([](const std::string& query) {
    return answer(query, {"www.lab. 60 IN CNAME web.lab.", "web.lab. 60 IN A 10.0.0.3", "web.lab. 60 IN A 10.0.0.4"});
  });
  Outcome outcome = ask({"www.lab", "A", server.address()}, patience);
  EXPECT_FALSE(outcome.failure) << outcome.words;
  EXPECT_EQ(outcome.body, "10.0.0.3\n10.0.0.4");
  EXPECT_EQ(outcome.remote, server.address());
}

TEST(Dns, AnAddressHasTheNameOfItsPointer) {
  NameServer server;
  server.serve([](const std::string& query) {
    EXPECT_THAT(query, HasSubstr(std::string("\1"
                                             "3\1"
                                             "0\1"
                                             "0\2"
                                             "10\7in-addr\4arpa")));
    return answer(query, {"3.0.0.10.in-addr.arpa. 60 IN PTR web.lab."});
  });
  EXPECT_EQ(ask({"10.0.0.3", "PTR", server.address()}, patience).body, "web.lab.");
}

TEST(Dns, WhatIsTruncatedIsAskedForByTcp) {
  NameServer server;
  server.serve([](const std::string& query) { return answer(query, {}, LDNS_RCODE_NOERROR, true); },
               [](const std::string& query) { return answer(query, {"web.lab. 60 IN TXT \"by TCP\""}); });
  Outcome outcome = ask({"web.lab", "TXT", server.address()}, patience);
  EXPECT_FALSE(outcome.failure) << outcome.words;
  EXPECT_EQ(outcome.body, "\"by TCP\"");
}

TEST(Dns, FailuresAreTheServersOwn) {
  const std::pair<int, Failure> codes[] = {{LDNS_RCODE_NXDOMAIN, Failure::nxdomain},
                                           {LDNS_RCODE_SERVFAIL, Failure::servfail},
                                           {LDNS_RCODE_REFUSED, Failure::refused},
                                           {LDNS_RCODE_NOERROR, Failure::nodata},
                                           {LDNS_RCODE_NOTIMPL, Failure::other}};
  for (const auto& [code, failure] : codes) {
    NameServer server;
    server.serve([code = code](const std::string& query) { return answer(query, {}, code); });
    EXPECT_EQ(ask({"web.lab", "A", server.address()}, patience).failure, failure) << code;
  }
}

TEST(Dns, AnAnswerToSomebodyElseIsNone) {
  NameServer server;
  server.serve([](std::string query) {
    query[0] = static_cast<char>(query[0] ^ 1);
    return answer(query, {"web.lab. 60 IN A 10.0.0.3"});
  });
  EXPECT_EQ(ask({"web.lab", "A", server.address()}, std::chrono::milliseconds(300)).failure, Failure::timeout);
}

TEST(Dns, ADatagramThatIsNoDnsIsAFailure) {
  NameServer server;
  server.serve([](const std::string&) { return std::string("nonsense"); });
  Outcome outcome = ask({"web.lab", "A", server.address()}, patience);
  EXPECT_EQ(outcome.failure, Failure::other);
  EXPECT_THAT(outcome.words, HasSubstr("no DNS"));
}

TEST(Dns, WhatIsNoQuestionIsAnError) {
  EXPECT_THROW(ask({"web..lab", "A", "127.0.0.1"}, patience), base::Error);
  EXPECT_THROW(ask({"web.lab", "NOSUCH", "127.0.0.1"}, patience), base::Error);
}

}  // namespace
}  // namespace probe
