#include "lib/netlink/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <set>

namespace {

using namespace netlink;

IpAddress ip(const std::string& text) {
  return *IpAddress::parse(text);
}
Prefix prefix(const std::string& text) {
  return *Prefix::parse(text);
}

TEST(IpAddress, ReadsWhatItWrites) {
  for (const char* text : {"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "::1", "fd00::1", "2001:db8:1:2:3:4:5:6"}) {
    ASSERT_TRUE(IpAddress::parse(text)) << text;
    EXPECT_EQ(ip(text).to_string(), text);
  }
  EXPECT_EQ(ip("FD00:0:0:0:0:0:0:1").to_string(), "fd00::1");
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const std::string text : {"", " ", "10.0.0", "10.0.0.1.1", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", " 10.0.0.1",
                                 "10.0.0.1/24", "0x0a.0.0.1", "1", "host", "fd00:::1", "fd00::1::2", "fd00::g",
                                 "fe80::1%lo", "[::1]", ":", "1:2:3:4:5:6:7:8:9"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string("10.0.0.1\0", 9)));
}

TEST(IpAddress, KnowsItsVersion) {
  EXPECT_FALSE(ip("10.0.0.1").is_v6());
  EXPECT_EQ(ip("10.0.0.1").family(), AF_INET);
  EXPECT_EQ(ip("10.0.0.1").bits(), 32u);
  EXPECT_TRUE(ip("::1").is_v6());
  EXPECT_EQ(ip("::1").family(), AF_INET6);
  EXPECT_EQ(ip("::1").bits(), 128u);
  EXPECT_NE(ip("0.0.0.0"), ip("::"));
  EXPECT_TRUE(ip("::").is_unspecified() && ip("0.0.0.0").is_unspecified() && IpAddress().is_unspecified());
  EXPECT_FALSE(ip("0.0.0.1").is_unspecified());
}

TEST(IpAddress, CountsOnAndWrapsAround) {
  EXPECT_EQ(ip("10.0.0.1").plus(1).to_string(), "10.0.0.2");
  EXPECT_EQ(ip("10.0.0.255").plus(1).to_string(), "10.0.1.0");
  EXPECT_EQ(ip("10.0.0.0").plus(65536).to_string(), "10.1.0.0");
  EXPECT_EQ(ip("255.255.255.255").plus(1).to_string(), "0.0.0.0");
  EXPECT_EQ(ip("fd00::ffff:ffff:ffff:ffff").plus(1).to_string(), "fd00:0:0:1::");
}

TEST(Prefix, ReadsAddressesWithAndWithoutLength) {
  EXPECT_EQ(prefix("10.0.0.0/8").to_string(), "10.0.0.0/8");
  EXPECT_EQ(prefix("10.0.0.1").to_string(), "10.0.0.1/32");
  EXPECT_EQ(prefix("fd00::1").to_string(), "fd00::1/128");
  EXPECT_EQ(prefix("10.1.2.3/24").to_string(), "10.1.2.3/24");  // host bits stay
  EXPECT_TRUE(prefix("default").is_default());
  EXPECT_TRUE(prefix("::/0").is_default());
  EXPECT_FALSE(prefix("10.0.0.0/0").is_default());
  for (const char* text : {"", "/24", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8",
                           "fd00::/129", "10.0.0/8", "Default", "10.0.0.0 /8", "10.0.0.0/8 "}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, ClearsHostBits) {
  EXPECT_EQ(prefix("10.1.2.3/24").network().to_string(), "10.1.2.0/24");
  EXPECT_EQ(prefix("10.1.2.255/25").network().to_string(), "10.1.2.128/25");
  EXPECT_EQ(prefix("10.1.2.3/0").network().to_string(), "0.0.0.0/0");
  EXPECT_EQ(prefix("10.1.2.3/32").network().to_string(), "10.1.2.3/32");
  EXPECT_EQ(prefix("fd00:1:2:3::4/49").network().to_string(), "fd00:1:2::/49");
}

TEST(Prefix, IsCutIntoParts) {
  EXPECT_EQ(Prefix::parse("10.244.0.0/16")->part(24, 0).to_string(), "10.244.0.0/24");
  EXPECT_EQ(Prefix::parse("10.244.0.0/16")->part(24, 255).to_string(), "10.244.255.0/24");
  EXPECT_EQ(Prefix::parse("10.244.9.9/16")->part(26, 5).to_string(), "10.244.1.64/26");
  EXPECT_EQ(Prefix::parse("fd00:1::/48")->part(64, 258).to_string(), "fd00:1:0:102::/64");
}

TEST(Prefix, ContainsAndOverlaps) {
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(ip("10.255.255.255")));
  EXPECT_FALSE(prefix("10.0.0.0/8").contains(ip("11.0.0.0")));
  EXPECT_TRUE(prefix("10.0.0.7/24").contains(ip("10.0.0.9")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(ip("10.0.0.9")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::1")));
  EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.9.0.0/16")));
  EXPECT_TRUE(prefix("10.9.0.0/16").overlaps(prefix("10.0.0.0/8")));
  EXPECT_FALSE(prefix("10.8.0.0/16").overlaps(prefix("10.9.0.0/16")));
  EXPECT_FALSE(prefix("::/0").overlaps(prefix("0.0.0.0/0")));
}

TEST(MacAddress, ReadsWhatItWrites) {
  EXPECT_EQ(MacAddress::parse("02:00:00:00:00:01")->to_string(), "02:00:00:00:00:01");
  EXPECT_EQ(MacAddress::parse("AA:bb:CC:dd:EE:ff")->to_string(), "aa:bb:cc:dd:ee:ff");
  for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:01:", "02-00-00-00-00-01", "2:0:0:0:0:1",
                           "0200.0000.0001", "02:00:00:00:00:0g", "02:00:00:00:00:+1", " 2:00:00:00:00:01"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

TEST(MacAddress, IsDerivedFromANameAndLocal) {
  // Written down: they must not change between versions.
  EXPECT_EQ(MacAddress::derived_from("ds/lan").to_string(), "fa:b2:00:e1:fc:13");
  EXPECT_EQ(stable_hash(""), 14695981039346656037ull);  // FNV-1a's offset basis
  EXPECT_EQ(stable_hash("a"), 0xaf63dc4c8601ec8cull);   // its published test vector
  std::set<MacAddress> seen;
  for (int i = 0; i < 10000; ++i) {
    MacAddress mac = MacAddress::derived_from("node" + std::to_string(i) + "/lan");
    EXPECT_EQ(mac.bytes()[0] & 3, 2);  // locally administered, unicast
    EXPECT_TRUE(seen.insert(mac).second);
  }
}

TEST(Endpoint, PutsIpv6IntoBrackets) {
  EXPECT_EQ(endpoint_text(ip("10.0.0.1"), 80), "10.0.0.1:80");
  EXPECT_EQ(endpoint_text(ip("fd00::1"), 443), "[fd00::1]:443");
}

}  // namespace
