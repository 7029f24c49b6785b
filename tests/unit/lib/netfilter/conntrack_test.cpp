#include "lib/netfilter/conntrack/conntrack.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "tests/unit/private_network.h"

namespace {

using netfilter::Conntrack;
using netfilter::ConntrackEntry;

class ConntrackTest : public PrivateNetwork {};

void add_entry(const std::string& source, const std::string& destination) {
  base::run_checked({"conntrack",
                     "-I",
                     "-p",
                     "udp",
                     "-s",
                     source,
                     "-d",
                     destination,
                     "--sport",
                     "4000",
                     "--dport",
                     "53",
                     "-r",
                     "10.244.1.2",
                     "-q",
                     source,
                     "--reply-port-src",
                     "53",
                     "--reply-port-dst",
                     "4000",
                     "--timeout",
                     "60"});
}

TEST_F(ConntrackTest, RemovesTheEntriesThatAreSelectedAndNoOthers) {
  std::optional<Conntrack> conntrack;
  try {
    conntrack.emplace();
    conntrack->list();
    add_entry("10.0.0.2", "10.108.0.10");
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.what();
  }
  add_entry("10.0.0.3", "10.108.0.11");
  auto is_first = [](const ConntrackEntry& entry) {
    return entry.protocol == 17 && entry.original.destination == *netlink::IpAddress::parse("10.108.0.10") &&
           entry.original.destination_port == 53 && entry.reply.source == *netlink::IpAddress::parse("10.244.1.2");
  };
  ASSERT_EQ(conntrack->list().size(), 2U);
  EXPECT_EQ(conntrack->remove_if(is_first), 1U);
  auto left = conntrack->list();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].to_string(), "udp 10.0.0.3:4000 > 10.108.0.11:53, reply 10.244.1.2:53 > 10.0.0.3:4000");
}

// conntrack(8)'s own listing, sorted. The time that is left differs from one listing to the next.
std::vector<std::string> without_timeouts(std::vector<std::string> lines) {
  static const std::regex timeout("^([a-z]+ +[0-9]+) [0-9]+");
  for (std::string& line : lines) line = std::regex_replace(line, timeout, "$1");
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> printed_by_the_program() {
  std::istringstream text(base::run_checked({"conntrack", "-L"}));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return without_timeouts(lines);
}

TEST_F(ConntrackTest, PrintsEntriesAsTheProgramDoes) {
  std::optional<Conntrack> conntrack;
  std::vector<std::string> tcp{"conntrack",
                               "-I",
                               "-p",
                               "tcp",
                               "-s",
                               "192.168.113.102",
                               "-d",
                               "10.10.0.1",
                               "--sport",
                               "35562",
                               "--dport",
                               "8410",
                               "-r",
                               "192.168.113.99",
                               "-q",
                               "192.168.113.101",
                               "--reply-port-src",
                               "8080",
                               "--reply-port-dst",
                               "35562",
                               "--timeout",
                               "300",
                               "--state",
                               "ESTABLISHED",
                               "--status"};
  try {
    conntrack.emplace();
    add_entry("10.0.0.2", "10.108.0.10");
    std::vector<std::string> assured = tcp;
    assured.push_back("ASSURED,SEEN_REPLY");
    base::run_checked(assured);
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.what();
  }
  std::vector<ConntrackEntry> entries = conntrack->list();
  std::vector<std::string> lines;
  for (const ConntrackEntry& entry : entries) lines.push_back(entry.line);
  EXPECT_EQ(without_timeouts(lines), printed_by_the_program());
  ASSERT_EQ(entries.size(), 2U);
  const ConntrackEntry& connection = entries[0].protocol == 6 ? entries[0] : entries[1];
  EXPECT_EQ(connection.state, "ESTABLISHED");
  EXPECT_TRUE(connection.replied && connection.assured);
  EXPECT_THAT(connection.line, testing::HasSubstr("sport=8080 dport=35562 [ASSURED] mark="));
  const ConntrackEntry& datagrams = entries[0].protocol == 6 ? entries[1] : entries[0];
  EXPECT_EQ(datagrams.state, "");
  EXPECT_FALSE(datagrams.assured);
}

}  // namespace
