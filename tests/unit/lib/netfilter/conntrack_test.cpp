#include "lib/netfilter/conntrack/conntrack.h"

#include <gmock/gmock.h>

#include <optional>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "tests/unit/lib/netfilter/private_network.h"

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

}  // namespace
