#include "lib/packets/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace packets {
namespace {

// Ethernet, IPv4, TCP: 10.0.0.1:40000 > 10.0.0.2:80, a SYN.
const std::string syn(
    "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0\0\x28\0\0\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02\x9c\x40\0\x50\0\0\0"
    "\x01"
    "\0\0\0\0\x50\x02\0\0\0\0\0\0",
    54);

TEST(Filter, TellsPacketsApart) {
  EXPECT_TRUE(Filter("").matches(syn, syn.size()));
  EXPECT_TRUE(Filter("src host 10.0.0.1 and tcp[tcpflags] & tcp-syn != 0").matches(syn, syn.size()));
  EXPECT_TRUE(Filter("tcp dst port 80").matches(syn, syn.size()));
  EXPECT_FALSE(Filter("tcp src port 80").matches(syn, syn.size()));
  EXPECT_FALSE(Filter("udp").matches(syn, syn.size()));
}

TEST(Filter, MeansTheSameOnALinkWithoutEthernet) {
  constexpr int raw_ip = 12;  // DLT_RAW
  EXPECT_TRUE(Filter("tcp dst port 80", raw_ip).matches(syn.substr(14), syn.size() - 14));
}

TEST(Filter, TakesNothingWhereItCannotMatch) {
  constexpr int raw_ip = 12;  // DLT_RAW
  Filter arp("arp", raw_ip);
  EXPECT_FALSE(arp.matches(syn.substr(14), syn.size() - 14));
  EXPECT_THAT(arp.refusal(), testing::HasSubstr("filter \"arp\": "));
  EXPECT_EQ(Filter("arp").refusal(), "");
  EXPECT_EQ(Filter("tcp", raw_ip).refusal(), "");
  EXPECT_THROW(Filter("tcp prot 80", raw_ip), base::Error);
}

TEST(Filter, IsRefusedInLibpcapsWords) {
  EXPECT_EQ(why_no_filter("tcp port 80"), "");
  EXPECT_THAT(why_no_filter("tcp prot 80"), testing::HasSubstr("syntax error"));
  EXPECT_THAT(why_no_filter("port 99999"), testing::HasSubstr("port"));
}

}  // namespace
}  // namespace packets
