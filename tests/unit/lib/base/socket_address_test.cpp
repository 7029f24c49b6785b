#include "lib/base/socket_address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace base {
namespace {

std::string text_of(const sockaddr_in6& address) {
  return SocketAddress::of(reinterpret_cast<const sockaddr*>(&address)).text();
}

TEST(SocketAddress, IsWrittenAsPeopleWriteIt) {
  sockaddr_in inet{};
  inet.sin_family = AF_INET;
  inet.sin_port = htons(40000);
  inet.sin_addr.s_addr = htonl(0xc0a87166);
  EXPECT_EQ(SocketAddress::of(reinterpret_cast<sockaddr*>(&inet)).text(), "192.168.113.102:40000");
  sockaddr_in6 inet6{};
  inet6.sin6_family = AF_INET6;
  inet6.sin6_port = htons(80);
  inet6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  EXPECT_EQ(text_of(inet6), "[::1]:80");
  EXPECT_EQ(SocketAddress::peer(-1).text(), "");
}

TEST(SocketAddress, ShowsAnIpv4ClientOfADualStackSocketAsItself) {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(80);
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
  mapped.sin6_addr.s6_addr[12] = 10;
  mapped.sin6_addr.s6_addr[15] = 1;
  EXPECT_EQ(text_of(mapped), "10.0.0.1:80");
}

}  // namespace
}  // namespace base
