#include "agents/overlay/ip_packet.h"

#include <gtest/gtest.h>

namespace overlay {
namespace {

// ICMP echo request from 10.0.0.1 to 10.0.0.2, with a time to live of 64, as the kernel made it.
std::string echo_request() {
  static const unsigned char bytes[] = {0x45, 0x00, 0x00, 0x1c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x01, 0x0a, 0x99, 10, 0,
                                        0,    1,    10,   0,    0,    2,    0x08, 0x00, 0xf7, 0xfd, 0x00, 0x01, 0,  1};
  return std::string(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

TEST(IpPacket, KnowsWhereItGoes) {
  EXPECT_EQ(destination_of(echo_request())->to_string(), "10.0.0.2");
  EXPECT_EQ(checksum(echo_request(), 0, 20), 0) << "the test's own packet";
}

TEST(IpPacket, IsNoneWithoutAWholeHeader) {
  EXPECT_FALSE(destination_of(""));
  EXPECT_FALSE(destination_of(echo_request().substr(0, 19)));
  std::string version_6 = echo_request();
  version_6[0] = 0x65;
  EXPECT_FALSE(destination_of(version_6));
  std::string longer_than_it_is = echo_request();
  longer_than_it_is[0] = 0x4f;
  EXPECT_FALSE(destination_of(longer_than_it_is));
  std::string too_short_a_header = echo_request();
  too_short_a_header[0] = 0x41;
  EXPECT_FALSE(destination_of(too_short_a_header));
}

TEST(IpPacket, LosesOneHopAndKeepsARightChecksum) {
  std::string packet = echo_request();
  for (int left = 63; left >= 1; --left) {
    ASSERT_TRUE(decrement_time_to_live(packet));
    ASSERT_EQ(packet[8], left);
    ASSERT_EQ(checksum(packet, 0, 20), 0) << "with " << left << " left";
  }
  EXPECT_FALSE(decrement_time_to_live(packet));
  EXPECT_EQ(packet[8], 1);
}

TEST(IpPacket, TellsTheSenderThatTheNetworkIsUnreachable) {
  std::string packet = echo_request();
  std::string message = network_unreachable(packet, *netlink::IpAddress::parse("10.0.0.254")).value();
  ASSERT_EQ(message.size(), 20u + 8 + 28);
  EXPECT_EQ(destination_of(message)->to_string(), "10.0.0.1");
  EXPECT_EQ(message.substr(12, 4), std::string("\x0a\x00\x00\xfe", 4)) << "from the router";
  EXPECT_EQ(message[9], 1) << "ICMP";
  EXPECT_EQ(message.substr(20, 2), std::string("\x03\x00", 2));
  EXPECT_EQ(checksum(message, 0, 20), 0);
  EXPECT_EQ(checksum(message, 20, message.size()), 0);
  EXPECT_EQ(message.substr(28), packet) << "its header and eight bytes more";
}

TEST(IpPacket, IsNotAnsweredWhereNoErrorMayBeSent) {
  auto is_answered = [](std::size_t at, int byte) {
    std::string packet = echo_request();
    packet[at] = static_cast<char>(byte);
    return network_unreachable(packet, *netlink::IpAddress::parse("10.0.0.254")).has_value();
  };
  EXPECT_TRUE(is_answered(20, 0)) << "an echo reply";
  EXPECT_FALSE(is_answered(20, 3)) << "an error itself: destination unreachable";
  EXPECT_FALSE(is_answered(20, 11)) << "time exceeded";
  EXPECT_TRUE(is_answered(6, 0x20)) << "the first fragment of several";
  EXPECT_FALSE(is_answered(7, 1)) << "a later one";
  EXPECT_FALSE(is_answered(6, 0x01)) << "one far behind";
  EXPECT_FALSE(is_answered(12, 224)) << "from a multicast address";
  EXPECT_FALSE(is_answered(12, 255)) << "from the broadcast address";
  EXPECT_FALSE(is_answered(12, 127)) << "from loopback";
  EXPECT_FALSE(is_answered(12, 0)) << "from nobody";
}

}  // namespace
}  // namespace overlay
