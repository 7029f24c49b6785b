#include "agents/overlay/backends/vxlan.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "agents/overlay/tunnels.h"
#include "lib/netlink/changes.h"
#include "tests/unit/agents/event_loop.h"
#include "tests/unit/agents/overlay/two_nodes.h"

namespace overlay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VxlanTest : public TwoNodes {
 protected:
  void SetUp() override {
    TwoNodes::SetUp();
    if (IsSkipped()) return;
    try {
      netlink::NewLink probe;
      probe.name = "probe";
      netlink::create_vxlan(one_->socket, probe, {9, 4789, std::nullopt, std::nullopt, false});
      netlink::delete_link(one_->socket, "probe");
    } catch (const base::Error& error) {
      GTEST_SKIP() << "no vxlan in this kernel: " << error.what();
    }
    backend_one_ = make_vxlan(one_->socket, {"worker1", {}, 1, 0});
    backend_two_ = make_vxlan(two_->socket, {"worker2", {}, 1, 0});
  }

  Report program_one() { return backend_one_->program(one_->self(), {two_->lease(*backend_two_)}); }
  Report program_two() { return backend_two_->program(two_->self(), {one_->lease(*backend_one_)}); }
  // Both must find everything in place.
  void expect_nothing_to_do() {
    EXPECT_THAT(program_one().changes, IsEmpty());
    EXPECT_THAT(program_two().changes, IsEmpty());
  }
  bool route_to_two_exists() {
    for (const netlink::RouteInfo& route : netlink::list_routes(one_->socket)) {
      if (route.destination == two_->subnet()) return true;
    }
    return false;
  }
  size_t entries_of_one(int family) {
    std::uint32_t device = netlink::get_link(one_->socket, "flannel.1").index;
    size_t count = 0;
    for (const netlink::NeighbourInfo& info : netlink::list_neighbours(one_->socket, family)) {
      if (info.link == device && info.permanent && info.address) ++count;
    }
    return count;
  }

  std::unique_ptr<Backend> backend_one_, backend_two_;
};

TEST_F(VxlanTest, MakesFlannelsDevice) {
  EXPECT_THAT(program_one().failures, IsEmpty());
  netlink::LinkInfo link = netlink::get_link(one_->socket, "flannel.1");
  EXPECT_EQ(link.mtu, 1450u);
  EXPECT_TRUE(link.up);
  EXPECT_EQ(backend_one_->data(), vxlan_data(1, link.mac));
  std::optional<netlink::Vxlan> vxlan = netlink::find_vxlan(one_->socket, "flannel.1");
  ASSERT_TRUE(vxlan);
  EXPECT_EQ(vxlan->vni, 1u);
  EXPECT_EQ(vxlan->port, 8472);
  EXPECT_EQ(vxlan->local, ip("192.168.113.11"));
  EXPECT_EQ(vxlan->device, netlink::get_link(one_->socket, "lan").index);
  EXPECT_FALSE(vxlan->learning);
  std::vector<std::string> addresses;
  for (const netlink::AddressInfo& info : netlink::list_addresses(one_->socket)) {
    if (info.link == link.index && !info.address.address.is_v6()) addresses.push_back(info.address.to_string());
  }
  EXPECT_THAT(addresses, ElementsAre("10.244.1.0/32"));
}

TEST_F(VxlanTest, CarriesPodsPacketsWithTheirOwnAddresses) {
  program_one();
  EXPECT_NE(send(*one_, *two_), "100 from 10.244.1.1") << "there is another way than the tunnel";
  program_two();
  EXPECT_EQ(send(*one_, *two_), "100 from 10.244.1.1");
  EXPECT_EQ(send(*two_, *one_), "100 from 10.244.2.1");
}

// 1450 bytes of IP are 1500 with what is put around them.
TEST_F(VxlanTest, CarriesItsMtuUnfragmentedAndNotAByteMore) {
  program_one();
  program_two();
  constexpr size_t headers = 20 + 8;
  EXPECT_EQ(send(*one_, *two_, 1450 - headers), "1422 from 10.244.1.1");
  EXPECT_THAT(send(*one_, *two_, 1451 - headers), HasSubstr("Message too long"));
}

TEST_F(VxlanTest, ChangesNothingThatIsInPlace) {
  program_one();
  program_two();
  expect_nothing_to_do();
}

TEST_F(VxlanTest, PutsBackWhatIsDeletedUnderIt) {
  program_one();
  program_two();
  std::string device = "flannel.1";
  netlink::MacAddress mac = netlink::get_link(two_->socket, device).mac;
  const std::vector<std::pair<std::string, std::function<void()>>> damages{
      {"neighbour", [&] { netlink::delete_neighbour(one_->socket, device, two_->subnet().address); }},
      {"forwarding entry", [&] { netlink::delete_forwarding_entry(one_->socket, device, mac, two_->address()); }},
      {"route",
       [&] {
         netlink::delete_route(one_->socket, {two_->subnet(), std::nullopt, device, std::nullopt, false, std::nullopt});
       }},
      {"address",
       [&] {
         netlink::delete_address(one_->socket, device, {one_->subnet().address, 32});
       }},
      {"second address", [&] { netlink::add_address(one_->socket, device, prefix("10.244.7.0/32")); }},
      {"wrong neighbour",
       [&] {
         netlink::replace_neighbour(one_->socket, device, two_->subnet().address,
                                    *netlink::MacAddress::parse("02:00:00:00:00:99"));
       }},
      {"wrong forwarding entry",
       [&] { netlink::replace_forwarding_entry(one_->socket, device, mac, ip("192.168.113.77")); }},
      {"device down", [&] { netlink::set_link_up(one_->socket, device, false); }},
      {"device", [&] { netlink::delete_link(one_->socket, device); }},
  };
  for (const auto& [what, damage] : damages) {
    damage();
    Report report = program_one();
    EXPECT_THAT(report.changes, Not(IsEmpty())) << what;
    EXPECT_THAT(report.failures, IsEmpty()) << what;
    EXPECT_EQ(send(*one_, *two_), "100 from 10.244.1.1") << what;
    expect_nothing_to_do();
  }
}

TEST_F(VxlanTest, RemovesTheTunnelToANodeThatVanished) {
  program_one();
  ASSERT_TRUE(route_to_two_exists());
  ASSERT_EQ(entries_of_one(AF_INET), 1u);
  ASSERT_EQ(entries_of_one(AF_BRIDGE), 1u);
  Report report = backend_one_->program(one_->self(), {});
  EXPECT_THAT(report.changes, ElementsAre("removed the tunnel to 10.244.2.0/24"));
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_FALSE(route_to_two_exists());
  EXPECT_EQ(entries_of_one(AF_INET), 0u);
  EXPECT_EQ(entries_of_one(AF_BRIDGE), 0u);
}

// What a person adds to see what happens stays.
TEST_F(VxlanTest, LeavesAloneWhatItHasNotMade) {
  program_one();
  netlink::replace_neighbour(one_->socket, "flannel.1", ip("10.244.50.0"),
                             *netlink::MacAddress::parse("02:00:00:00:00:50"));
  backend_one_->program(one_->self(), {});
  EXPECT_EQ(entries_of_one(AF_INET), 1u);
}

TEST_F(VxlanTest, ARestartInterruptsNothingAndForgetsNothing) {
  program_one();
  program_two();
  std::string data = backend_one_->data();
  backend_one_ = make_vxlan(one_->socket, {"another name", {}, 1, 0});
  EXPECT_EQ(backend_one_->data(), data) << "the other nodes would have to learn a new MAC";
  expect_nothing_to_do();
  backend_one_ = make_vxlan(one_->socket, {"worker1", {}, 1, 0});
  EXPECT_THAT(backend_one_->program(one_->self(), {}).changes, ElementsAre("removed the tunnel to 10.244.2.0/24"))
      << "what the earlier run has left";
}

TEST_F(VxlanTest, TakesTheMacThatTheOtherNodesKnow) {
  backend_one_ = make_vxlan(one_->socket, {"worker1", R"({"VNI":1,"VtepMAC":"02:00:00:00:00:77"})", 1, 0});
  program_one();
  EXPECT_EQ(netlink::get_link(one_->socket, "flannel.1").mac.to_string(), "02:00:00:00:00:77");
}

TEST_F(VxlanTest, ReplacesADeviceThatDoesNotFit) {
  netlink::NewLink link;
  link.name = "flannel.1";
  netlink::create_vxlan(one_->socket, link, {1, 4789, std::nullopt, std::nullopt, true});
  EXPECT_THAT(program_one().changes, Contains(HasSubstr("removed device flannel.1")));
  program_two();
  EXPECT_EQ(send(*one_, *two_), "100 from 10.244.1.1");
}

// With the route the kernel begins to ask for the gateway's MAC: by then it must be known.
TEST_F(VxlanTest, ProgramsTheRouteLastAndRemovesItFirst) {
  backend_one_->program(one_->self(), {});
  boost::asio::io_context loop{1};
  std::vector<std::string> order;
  std::unique_ptr<netlink::Changes> changes;
  netlink::in_namespace(one_->network_namespace, [&] {
    changes = std::make_unique<netlink::Changes>(
        loop, std::initializer_list<int>{RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE}, [&](nlmsghdr* change) {
          std::string sign = change->nlmsg_type == RTM_NEWNEIGH || change->nlmsg_type == RTM_NEWROUTE ? "+" : "-";
          if (change->nlmsg_type == RTM_NEWROUTE || change->nlmsg_type == RTM_DELROUTE) {
            if (netlink::parse_route(change)) order.push_back(sign + "route");
          } else if (auto neighbour = netlink::parse_neighbour(change)) {
            order.push_back(sign + (neighbour->family == AF_BRIDGE ? "forwarding entry" : "neighbour"));
          }
        });
  });
  program_one();
  // Linux up to 6.12 tells twice of a forwarding entry: the device's driver does, and the caller of ndo_fdb_add does.
  auto told = [&] {
    order.erase(std::unique(order.begin(), order.end()), order.end());
    return order.size() >= 3;
  };
  EXPECT_TRUE(run_until(loop, told));
  EXPECT_THAT(order, ElementsAre("+neighbour", "+forwarding entry", "+route"));
  order.clear();
  backend_one_->program(one_->self(), {});
  EXPECT_TRUE(run_until(loop, [&] { return order.size() >= 3; }));
  EXPECT_THAT(order.front(), "-route");
}

// Half a tunnel would swallow packets where no tunnel answers "no route".
TEST_F(VxlanTest, AnErrorUndoesTheEarlierStepsAndKeepsNoOtherNodeFromBeingReached) {
  auto broken = [&](const std::string& subnet, const std::string& address, int number) {
    netlink::MacAddress mac({2, 0, 0, 0, 0, static_cast<std::uint8_t>(number)});
    return Lease{"broken" + std::to_string(number), prefix(subnet), ip(address), "vxlan", vxlan_data(1, mac)};
  };
  // An end point of the other family, and a gateway that no route accepts.
  std::vector<Lease> peers{broken("10.244.8.0/24", "fd00::8", 8), broken("224.0.9.0/24", "192.168.113.19", 9),
                           two_->lease(*backend_two_)};
  Report report = backend_one_->program(one_->self(), peers);
  EXPECT_THAT(report.failures, ElementsAre(HasSubstr("tunnel to node broken8: forward 02:00:00:00:00:08 to fd00::8"),
                                           HasSubstr("tunnel to node broken9: replace route 224.0.9.0/24")));
  EXPECT_EQ(entries_of_one(AF_INET), 1u);
  EXPECT_EQ(entries_of_one(AF_BRIDGE), 1u);
  program_two();
  EXPECT_EQ(send(*one_, *two_), "100 from 10.244.1.1");
}

TEST_F(VxlanTest, FollowsItsInterface) {
  program_one();
  netlink::set_link_mtu(one_->socket, "lan", 1400);
  program_one();
  EXPECT_EQ(netlink::get_link(one_->socket, "flannel.1").mtu, 1350u);
}

}  // namespace
}  // namespace overlay
