#include "agents/proxy/address_watch.h"

#include <chrono>

#include "lib/netlink/route.h"
#include "tests/unit/agents/proxy/objects.h"
#include "tests/unit/private_network.h"

namespace proxy {
namespace {

class AddressWatchTest : public PrivateNetwork {
 protected:
  // What has waited until now is not of interest.
  int changes_after(const std::function<void(netlink::Socket&)>& action) {
    netlink::Socket socket;
    int changes = 0;
    boost::asio::io_context loop(1);
    AddressWatch watch(loop, [&] {
      ++changes;
      loop.stop();
    });
    action(socket);
    loop.run_for(std::chrono::milliseconds(changes_expected ? 10'000 : 100));
    return changes;
  }
  bool changes_expected = true;
};

TEST_F(AddressWatchTest, TellsOfAddressesThatComeAndGo) {
  EXPECT_EQ(changes_after([](auto& socket) { netlink::add_address(socket, "lo", prefix("10.0.0.1/32")); }), 1);
  EXPECT_EQ(changes_after([](auto& socket) { netlink::delete_address(socket, "lo", prefix("10.0.0.1/32")); }), 1);
  EXPECT_EQ(changes_after([](auto& socket) { netlink::add_address(socket, "lo", prefix("fd00::1/128")); }), 1);
}

// Each pod that starts brings one.
TEST_F(AddressWatchTest, IsSilentAboutAddressesOfALink) {
  changes_expected = false;
  EXPECT_EQ(changes_after([](auto& socket) { netlink::add_address(socket, "lo", prefix("fe80::1/64")); }), 0);
}

}  // namespace
}  // namespace proxy
