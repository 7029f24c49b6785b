// What a link had, given back by the kernel that is here, in namespaces of the test's own.
#include "lib/netlink/link_configuration.h"

#include <gmock/gmock.h>

#include "lib/base/run.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/route.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;
using testing::HasSubstr;
using testing::Not;

class LinkConfigurations : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (!IsSkipped()) socket_.emplace();
  }
  // As iproute2 sees it.
  static std::string state() {
    return base::run_checked({"sh", "-c",
                              "ip -4 route show table all dev br type unicast | sort; ip -6 route show dev br | sort; "
                              "ip -o addr show dev br scope global"});
  }
  std::optional<Socket> socket_;
};

TEST_F(LinkConfigurations, ALinkGetsBackWhatGoingDownTook) {
  NewLink bridge;
  bridge.name = "br";
  create_bridge(*socket_, bridge);
  add_address(*socket_, "br", *Prefix::parse("10.2.0.1/24"));
  add_address(*socket_, "br", *Prefix::parse("fd02::1/64"));
  set_link_up(*socket_, "br");
  base::run_checked(
      {"ip", "route", "add", "10.9.0.0/16", "via", "10.2.0.9", "dev", "br", "src", "10.2.0.1", "metric", "7"});
  base::run_checked({"ip", "route", "add", "10.8.0.0/16", "dev", "br", "table", "100"});
  base::run_checked({"ip", "route", "add", "fd09::/64", "via", "fd02::9", "dev", "br"});
  std::string before = state();
  ASSERT_THAT(before, HasSubstr("metric 7"));
  LinkConfiguration configuration = LinkConfiguration::of(*socket_, "br");
  set_link_up(*socket_, "br", false);
  set_link_up(*socket_, "br");
  ASSERT_THAT(state(), Not(HasSubstr("10.9.0.0/16"))) << "the kernel does not do it itself";
  configuration.restore(*socket_);
  EXPECT_EQ(state(), before);
  configuration.restore(*socket_);
  EXPECT_EQ(state(), before) << "what is there already is no failure";
}

}  // namespace
