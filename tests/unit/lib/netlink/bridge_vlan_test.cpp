// VLANs of bridges, where the kernel filters them, as bridge(8) sees them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;
using testing::ContainsRegex;
using testing::Not;

class BridgeVlans : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    socket_.emplace();
    NewLink bridge, port, peer;
    bridge.name = "br0";
    port.name = "port";
    peer.name = "peer";
    try {
      create_bridge(socket(), bridge, VlanFiltering::on);
    } catch (const base::Error& error) {
      if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks VLAN filtering on bridges";
      throw;
    }
    port.master = get_link(socket(), "br0").index;
    create_veth(socket(), port, peer, current_network_namespace());
  }
  Socket& socket() { return *socket_; }

  static std::string vlans_of(const std::string& link) {
    return base::run_checked({"bridge", "vlan", "show", "dev", link});
  }

 private:
  std::optional<Socket> socket_;
};

TEST_F(BridgeVlans, OfAPortAreThoseThatItIsGiven) {
  EXPECT_THAT(vlans_of("port"), ContainsRegex("port +1 PVID Egress Untagged"));
  set_port_vlans(socket(), "port", {10, {20, 30}});
  EXPECT_THAT(vlans_of("port"), ContainsRegex("port +10 PVID Egress Untagged"));
  EXPECT_THAT(vlans_of("port"), ContainsRegex("\n +20 *\n +30 *\n"));
  EXPECT_THAT(vlans_of("port"), Not(ContainsRegex(" 1 PVID")));
}

TEST_F(BridgeVlans, OfTheBridgeItselfAreItsOwn) {
  set_port_vlans(socket(), "br0", {std::nullopt, {20}}, VlansOf::bridge);
  EXPECT_THAT(vlans_of("br0"), ContainsRegex("br0 +20 *\n"));
  EXPECT_THAT(vlans_of("br0"), Not(ContainsRegex(" 1 PVID")));
  EXPECT_THAT(vlans_of("port"), ContainsRegex("port +1 PVID Egress Untagged"));
}

}  // namespace
