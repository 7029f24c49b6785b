#include "agents/overlay/backends/host_gw.h"

#include "tests/unit/agents/overlay/two_nodes.h"

namespace overlay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostGwTest : public TwoNodes {
 protected:
  Report program_one() { return one_backend()->program(one_->self(), {two_->lease(*two_backend())}); }
  Report program_two() { return two_backend()->program(two_->self(), {one_->lease(*one_backend())}); }
  std::unique_ptr<Backend>& one_backend() {
    if (!one_backend_) one_backend_ = make_host_gw(one_->socket);
    return one_backend_;
  }
  std::unique_ptr<Backend>& two_backend() {
    if (!two_backend_) two_backend_ = make_host_gw(two_->socket);
    return two_backend_;
  }
  std::vector<std::string> routes_of_one() {
    std::vector<std::string> routes;
    for (const netlink::RouteInfo& route : netlink::list_routes(one_->socket)) {
      if (route.via) routes.push_back(route.destination.to_string() + " via " + route.via->to_string());
    }
    return routes;
  }

  std::unique_ptr<Backend> one_backend_, two_backend_;
};

TEST_F(HostGwTest, RoutesToTheNodesThemselvesAtFullSize) {
  EXPECT_THAT(program_one().changes, ElementsAre("route to 10.244.2.0/24 via 192.168.113.12"));
  program_two();
  EXPECT_THAT(routes_of_one(), ElementsAre("10.244.2.0/24 via 192.168.113.12"));
  EXPECT_EQ(one_backend()->mtu(one_->self().interface), 1500u);
  EXPECT_EQ(one_backend()->data(), "null");
  EXPECT_EQ(send(*one_, *two_, 1472), "1472 from 10.244.1.1");
  EXPECT_THAT(program_one().changes, IsEmpty());
}

TEST_F(HostGwTest, RefusesANodeThatIsNotOnTheSameNetwork) {
  Lease remote{"remote", prefix("10.244.9.0/24"), ip("203.0.113.9"), "host-gw", "null"};
  Lease tunnelled{"tunnelled", prefix("10.244.8.0/24"), ip("192.168.113.18"), "vxlan", "{}"};
  Report report = one_backend()->program(one_->self(), {remote, tunnelled, two_->lease(*two_backend())});
  EXPECT_THAT(report.failures, ElementsAre(HasSubstr("no route to the pods of node remote: its address 203.0.113.9 is "
                                                     "not on the network of link lan"),
                                           HasSubstr("tunnelled: its backend is vxlan, not host-gw")));
  EXPECT_THAT(routes_of_one(), ElementsAre("10.244.2.0/24 via 192.168.113.12"));
}

TEST_F(HostGwTest, RefusesAnAddressThatIsNotTheLinks) {
  Self self = one_->self();
  self.public_ip = ip("203.0.113.1");
  EXPECT_THROW(one_backend()->program(self, {}), base::Error);
}

TEST_F(HostGwTest, PutsBackRemovesAndAdopts) {
  program_one();
  netlink::delete_route(one_->socket, {two_->subnet(), std::nullopt, "lan", std::nullopt, false, std::nullopt});
  EXPECT_THAT(program_one().changes, ElementsAre("route to 10.244.2.0/24 via 192.168.113.12"));
  netlink::replace_route(one_->socket,
                         {two_->subnet(), ip("192.168.113.77"), "lan", std::nullopt, false, std::nullopt});
  EXPECT_THAT(program_one().changes, ElementsAre("route to 10.244.2.0/24 via 192.168.113.12"));
  one_backend_ = make_host_gw(one_->socket);
  EXPECT_THAT(program_one().changes, IsEmpty()) << "after a restart";
  EXPECT_THAT(one_backend()->program(one_->self(), {}).changes, ElementsAre("removed the route to 10.244.2.0/24 via "
                                                                            "192.168.113.12"));
  EXPECT_THAT(routes_of_one(), IsEmpty());
}

TEST_F(HostGwTest, LeavesOtherRoutesAlone) {
  netlink::add_route(one_->socket,
                     {prefix("203.0.113.0/24"), ip("192.168.113.12"), "lan", std::nullopt, false, std::nullopt});
  program_one();
  one_backend()->program(one_->self(), {});
  EXPECT_THAT(routes_of_one(), ElementsAre("203.0.113.0/24 via 192.168.113.12"));
}

TEST(MakeBackend, RefusesWhatIsNotThere) {
  netlink::Socket socket;
  boost::asio::io_context loop;
  try {
    make_backend("wireguard", socket, loop, {});
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("there is no backend \"wireguard\" here (choose one of: vxlan, udp, host-gw)"));
  }
}

}  // namespace
}  // namespace overlay
