// Addresses, routes, neighbours and forwarding entries, by the kernel that is here.
#include "lib/netlink/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <boost/json.hpp>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/links/vxlan.h"
#include "lib/netlink/network_namespace.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;
using testing::Contains;
using testing::Not;

IpAddress ip(const std::string& text) {
  return *IpAddress::parse(text);
}
Prefix prefix(const std::string& text) {
  return *Prefix::parse(text);
}
MacAddress mac(const std::string& text) {
  return *MacAddress::parse(text);
}

std::string failure_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no failure";
}

// A namespace with the link lan, up, 10.0.0.1/24 and fd00::1/64, whose other end is up too.
class Routes : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    socket_.emplace();
    NewLink lan;
    lan.name = "lan";
    lan.up = true;
    NewLink peer;
    peer.name = "peer";
    create_veth(socket(), lan, peer, current_network_namespace());
    set_link_up(socket(), "peer");
    add_address(socket(), "lan", prefix("10.0.0.1/24"));
    add_address(socket(), "lan", prefix("fd00::1/64"));
  }
  Socket& socket() { return *socket_; }

  std::vector<std::string> addresses() {
    std::uint32_t lan = get_link(socket(), "lan").index;
    std::vector<std::string> shown;
    for (const AddressInfo& it : list_addresses(socket())) {
      if (it.link == lan) shown.push_back(it.address.to_string());
    }
    return shown;
  }

  // "10.1.0.0/16 via 10.0.0.2"
  std::vector<std::string> routes() {
    std::vector<std::string> shown;
    for (const RouteInfo& it : list_routes(socket())) {
      shown.push_back(it.destination.to_string() + (it.via ? " via " + it.via->to_string() : "") +
                      (it.onlink ? " onlink" : ""));
      EXPECT_EQ(it.link == 0, false);
    }
    return shown;
  }

 private:
  std::optional<Socket> socket_;
};

// ---- addresses

TEST_F(Routes, AddressesComeAndGo) {
  EXPECT_THAT(addresses(), Contains("10.0.0.1/24"));
  EXPECT_THAT(addresses(), Contains("fd00::1/64"));
  delete_address(socket(), "lan", prefix("10.0.0.1/24"));
  delete_address(socket(), "lan", prefix("fd00::1/64"));
  EXPECT_THAT(addresses(), Not(Contains("10.0.0.1/24")));
  EXPECT_THAT(addresses(), Not(Contains("fd00::1/64")));
}

// With detection the address would be of no use for a second: nothing could be bound to it.
TEST_F(Routes, Ipv6AddressesAreUsableAtOnce) {
  boost::json::value links =
      boost::json::parse(base::run_checked({"ip", "-6", "-json", "address", "show", "dev", "lan", "scope", "global"}));
  const boost::json::object& address = links.at(0).at("addr_info").at(0).as_object();
  EXPECT_EQ(address.at("local"), "fd00::1");
  EXPECT_TRUE(address.contains("nodad"));
  EXPECT_FALSE(address.contains("tentative"));
}

TEST_F(Routes, AddressesThatCannotBeAreRefused) {
  EXPECT_THAT(failure_of([&] { add_address(socket(), "lan", prefix("10.0.0.1/24")); }),
              testing::StartsWith("add address 10.0.0.1/24 on link lan: "));
  EXPECT_EQ(failure_of([&] { add_address(socket(), "none", prefix("10.0.0.3/24")); }),
            "find link none: No such device");
  EXPECT_THAT(failure_of([&] { delete_address(socket(), "lan", prefix("10.0.0.9/24")); }),
              testing::StartsWith("delete address 10.0.0.9/24 on link lan: "));
}

// ---- routes

TEST_F(Routes, ViaAGateway) {
  add_route(socket(), {prefix("10.1.0.0/16"), ip("10.0.0.2"), "", {}, false, {}});
  EXPECT_THAT(routes(), Contains("10.1.0.0/16 via 10.0.0.2"));
  delete_route(socket(), {prefix("10.1.0.0/16"), ip("10.0.0.2"), "", {}, false, {}});
  EXPECT_THAT(routes(), Not(Contains("10.1.0.0/16 via 10.0.0.2")));
}

TEST_F(Routes, OfOtherTablesAndTypesAndWithAnMtu) {
  Route route{prefix("10.3.0.0/16"), ip("10.0.0.2"), "", {}, false, {}};
  route.table = 1000;
  route.mtu = 1300;
  add_route(socket(), route);
  EXPECT_THAT(base::run_checked({"ip", "route", "show", "table", "1000"}),
              testing::HasSubstr("10.3.0.0/16 via 10.0.0.2 dev lan proto static mtu 1300"));
  delete_route(socket(), route);
  for (RouteType type : {RouteType::blackhole, RouteType::unreachable, RouteType::prohibit}) {
    for (const char* destination : {"10.4.0.0/16", "fd00:4::/64"}) {
      Route refusal{prefix(destination), {}, "", {}, false, {}};
      refusal.type = type;
      refusal.table = 100;
      add_route(socket(), refusal);
      std::string family = refusal.destination.address.is_v6() ? "-6" : "-4";
      EXPECT_THAT(base::run_checked({"ip", family, "route", "show", "table", "100"}),
                  testing::HasSubstr(std::string(route_type_word(type)) + " " + destination));
      delete_route(socket(), refusal);
      EXPECT_THAT(base::run_checked({"ip", family, "route", "show", "table", "all"}),
                  Not(testing::HasSubstr(std::string(route_type_word(type)) + " " + destination)));
    }
  }
}

TEST_F(Routes, DefaultOfBothVersions) {
  add_route(socket(), {prefix("default"), ip("10.0.0.2"), "", {}, false, {}});
  add_route(socket(), {prefix("default"), ip("fd00::2"), "", {}, false, {}});
  EXPECT_THAT(routes(), Contains("0.0.0.0/0 via 10.0.0.2"));
  EXPECT_THAT(routes(), Contains("::/0 via fd00::2"));
  delete_route(socket(), {prefix("default"), ip("fd00::2"), "", {}, false, {}});
  EXPECT_THAT(routes(), Not(Contains("::/0 via fd00::2")));
  EXPECT_THAT(routes(), Contains("0.0.0.0/0 via 10.0.0.2"));
}

TEST_F(Routes, ByALinkAlone) {
  add_route(socket(), {prefix("10.2.0.0/16"), {}, "lan", ip("10.0.0.1"), false, {}});
  add_route(socket(), {prefix("fd01::/64"), {}, "lan", {}, false, {}});
  EXPECT_THAT(routes(), Contains("10.2.0.0/16"));
  EXPECT_THAT(routes(), Contains("fd01::/64"));
  std::string shown = base::run_checked({"ip", "route", "show", "10.2.0.0/16"});
  EXPECT_THAT(shown, testing::HasSubstr("dev lan proto static scope link src 10.0.0.1"));
}

TEST_F(Routes, ToAGatewayThatNoSubnetHasButTheLink) {
  Route route{prefix("10.3.0.0/16"), ip("172.16.0.1"), "lan", {}, false, {}};
  EXPECT_THAT(failure_of([&] { add_route(socket(), route); }),
              testing::StartsWith("add route 10.3.0.0/16 via 172.16.0.1 dev lan: Nexthop has invalid gateway"));
  route.onlink = true;
  add_route(socket(), route);
  EXPECT_THAT(routes(), Contains("10.3.0.0/16 via 172.16.0.1 onlink"));
  Route six{prefix("fd03::/64"), ip("fd99::1"), "lan", {}, true, {}};
  add_route(socket(), six);
  EXPECT_THAT(routes(), Contains("fd03::/64 via fd99::1 onlink"));
}

TEST_F(Routes, HostBitsOfTheDestinationDoNotMatter) {
  add_route(socket(), {prefix("10.4.5.6/16"), ip("10.0.0.2"), "", {}, false, {}});
  EXPECT_THAT(routes(), Contains("10.4.0.0/16 via 10.0.0.2"));
}

TEST_F(Routes, MetricsTellRoutesApart) {
  add_route(socket(), {prefix("10.5.0.0/16"), ip("10.0.0.2"), "", {}, false, 10});
  add_route(socket(), {prefix("10.5.0.0/16"), ip("10.0.0.3"), "", {}, false, 20});
  EXPECT_THAT(routes(), Contains("10.5.0.0/16 via 10.0.0.2"));
  EXPECT_THAT(routes(), Contains("10.5.0.0/16 via 10.0.0.3"));
  delete_route(socket(), {prefix("10.5.0.0/16"), {}, "", {}, false, 10});
  EXPECT_THAT(routes(), Not(Contains("10.5.0.0/16 via 10.0.0.2")));
  EXPECT_THAT(routes(), Contains("10.5.0.0/16 via 10.0.0.3"));
}

TEST_F(Routes, AddRefusesWhatReplaceReplaces) {
  add_route(socket(), {prefix("10.6.0.0/16"), ip("10.0.0.2"), "", {}, false, {}});
  EXPECT_THAT(failure_of([&] {
                add_route(socket(), {prefix("10.6.0.0/16"), ip("10.0.0.3"), "", {}, false, {}});
              }),
              testing::StartsWith("add route 10.6.0.0/16 via 10.0.0.3: "));
  replace_route(socket(), {prefix("10.6.0.0/16"), ip("10.0.0.3"), "", {}, false, {}});
  EXPECT_THAT(routes(), Contains("10.6.0.0/16 via 10.0.0.3"));
  EXPECT_THAT(routes(), Not(Contains("10.6.0.0/16 via 10.0.0.2")));
}

TEST_F(Routes, UnreachableGatewaysAreRefusedInTheKernelsWords) {
  EXPECT_EQ(failure_of([&] {
              add_route(socket(), {prefix("10.7.0.0/16"), ip("192.0.2.1"), "", {}, false, {}});
            }),
            "add route 10.7.0.0/16 via 192.0.2.1: Nexthop has invalid gateway (Network is unreachable)");
  EXPECT_THAT(failure_of([&] {
                delete_route(socket(), {prefix("10.8.0.0/16"), {}, "", {}, false, {}});
              }),
              testing::StartsWith("delete route 10.8.0.0/16: "));
}

// ---- neighbours

TEST_F(Routes, NeighboursOfBothVersions) {
  replace_neighbour(socket(), "lan", ip("10.0.0.9"), mac("02:00:00:00:00:09"));
  replace_neighbour(socket(), "lan", ip("fd00::9"), mac("02:00:00:00:00:09"));
  replace_neighbour(socket(), "lan", ip("10.0.0.9"), mac("02:00:00:00:00:0a"));
  auto known = [&](int family) {
    std::vector<std::string> shown;
    for (const NeighbourInfo& it : list_neighbours(socket(), family)) {
      EXPECT_EQ(it.family, family);
      if (it.permanent && it.mac) shown.push_back(it.address->to_string() + " at " + it.mac->to_string());
    }
    return shown;
  };
  EXPECT_THAT(known(AF_INET), testing::ElementsAre("10.0.0.9 at 02:00:00:00:00:0a"));
  EXPECT_THAT(known(AF_INET6), Contains("fd00::9 at 02:00:00:00:00:09"));
  delete_neighbour(socket(), "lan", ip("10.0.0.9"));
  EXPECT_THAT(known(AF_INET), testing::ElementsAre());
  EXPECT_THAT(failure_of([&] { delete_neighbour(socket(), "lan", ip("10.0.0.77")); }),
              testing::AllOf(testing::StartsWith("delete neighbour 10.0.0.77 on link lan: "),
                             testing::HasSubstr("No such file or directory")));
}

TEST_F(Routes, ForwardingEntriesOfATunnel) {
  NewLink link;
  link.name = "vx0";
  try {
    create_vxlan(socket(), link, {7, 0, ip("10.0.0.1"), std::nullopt, false});
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks vxlan";
    throw;
  }
  std::uint32_t index = get_link(socket(), "vx0").index;
  auto entries = [&] {
    std::vector<std::string> shown;
    for (const NeighbourInfo& it : list_neighbours(socket(), AF_BRIDGE)) {
      if (it.link == index && it.address && it.mac) {
        shown.push_back(it.mac->to_string() + " to " + it.address->to_string());
      }
    }
    return shown;
  };
  replace_forwarding_entry(socket(), "vx0", mac("02:00:00:00:00:01"), ip("10.0.0.2"));
  replace_forwarding_entry(socket(), "vx0", mac("02:00:00:00:00:02"), ip("10.0.0.3"));
  EXPECT_THAT(entries(),
              testing::UnorderedElementsAre("02:00:00:00:00:01 to 10.0.0.2", "02:00:00:00:00:02 to 10.0.0.3"));
  replace_forwarding_entry(socket(), "vx0", mac("02:00:00:00:00:01"), ip("10.0.0.4"));
  EXPECT_THAT(entries(), Contains("02:00:00:00:00:01 to 10.0.0.4"));
  EXPECT_THAT(entries(), Not(Contains("02:00:00:00:00:01 to 10.0.0.2")));
  delete_forwarding_entry(socket(), "vx0", mac("02:00:00:00:00:02"), ip("10.0.0.3"));
  EXPECT_THAT(entries(), testing::ElementsAre("02:00:00:00:00:01 to 10.0.0.4"));
}

}  // namespace
