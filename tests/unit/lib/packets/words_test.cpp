#include "lib/packets/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "lib/base/run.h"

namespace packets {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

const std::string arp_request(
    "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0a\0\0\x01\0\0\0\0\0\0"
    "\x0a\0\0\x02",
    42);
// IPv4, ICMP echo request, as a tunnel device has it.
const std::string ping("\x45\0\0\x1c\0\0\0\0\x40\x01\0\0\x0a\0\0\x01\x0a\0\0\x02\x08\0\0\0\0\x01\0\x02", 28);

std::vector<Interface> interfaces() {
  std::vector<Interface> interfaces(2);
  interfaces[0].name = "ds:lan";
  interfaces[1].name = "ds:tun0";
  interfaces[1].link_type = 101;  // LINKTYPE_RAW
  return interfaces;
}

const std::vector<Packet> packets_of_both{{1, 1'000'000'000, 28, ping}, {0, 1'500'000'000, 42, arp_request}};

TEST(PacketWords, AreTcpdumpsWithTheLinkInFront) {
  if (base::run_command({"sh", "-c", "command -v tcpdump"}).exit_code != 0) GTEST_SKIP() << "tcpdump is not installed";
  EXPECT_THAT(in_words(interfaces(), packets_of_both),
              ElementsAre(testing::ContainsRegex("\\.000000 ds:tun0 IP 10.0.0.1 > 10.0.0.2: ICMP echo request"),
                          testing::ContainsRegex("\\.500000 ds:lan ARP, Request who-has 10.0.0.2 tell 10.0.0.1")));
}

TEST(PacketWords, SayHowLongPacketsAreWhereThereIsNoTcpdump) {
  std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  std::vector<std::string> lines = in_words(interfaces(), packets_of_both);
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(lines, ElementsAre(EndsWith(".000000 ds:tun0 28 bytes"), EndsWith(".500000 ds:lan 42 bytes")));
}

}  // namespace
}  // namespace packets
