// Subscriptions: what changes is told, and that something was missed is told too.
#include "lib/netlink/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lib/base/error.h"
#include "lib/netlink/changes.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;

class Subscriptions : public PrivateNetwork {
 protected:
  static void make_pair(const std::string& near_name, const std::string& far_name) {
    Socket socket;
    NewLink near, far;
    near.name = near_name;
    far.name = far_name;
    create_veth(socket, near, far, current_network_namespace());
  }

  // Messages until one that MATCHES; gives up after some seconds.
  static bool wait_for(Socket& socket, const std::function<bool(nlmsghdr*)>& matches) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    bool found = false;
    while (!found && std::chrono::steady_clock::now() < deadline) {
      pollfd ready{socket.descriptor(), POLLIN, 0};
      ::poll(&ready, 1, 1000);
      socket.receive([&](nlmsghdr* header) { found = found || matches(header); });
    }
    return found;
  }
};

TEST_F(Subscriptions, TellOfLinksThatComeAndGo) {
  Socket follower;
  follower.join(RTNLGRP_LINK);
  make_pair("a", "b");
  EXPECT_TRUE(wait_for(follower, [](nlmsghdr* header) {
    return header->nlmsg_type == RTM_NEWLINK && parse_link(header).name == "a" && parse_link(header).kind == "veth";
  }));
  Socket socket;
  delete_link(socket, "a");
  EXPECT_TRUE(wait_for(
      follower, [](nlmsghdr* header) { return header->nlmsg_type == RTM_DELLINK && parse_link(header).name == "a"; }));
}

TEST_F(Subscriptions, TellOfAddressesRoutesAndNeighbours) {
  make_pair("lan", "peer");
  Socket follower, socket;
  for (int group : {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_NEIGH}) follower.join(group);
  set_link_up(socket, "lan");
  set_link_up(socket, "peer");
  add_address(socket, "lan", *Prefix::parse("10.0.0.1/24"));
  EXPECT_TRUE(wait_for(follower, [](nlmsghdr* header) {
    if (header->nlmsg_type != RTM_NEWADDR) return false;
    return parse_address(header)->address.to_string() == "10.0.0.1/24";
  }));
  add_route(socket, {*Prefix::parse("10.1.0.0/16"), IpAddress::parse("10.0.0.2"), "", {}, false, {}});
  EXPECT_TRUE(wait_for(follower, [](nlmsghdr* header) {
    if (header->nlmsg_type != RTM_NEWROUTE) return false;
    std::optional<RouteInfo> route = parse_route(header);
    return route && route->destination.to_string() == "10.1.0.0/16";
  }));
  replace_neighbour(socket, "lan", *IpAddress::parse("10.0.0.9"), *MacAddress::parse("02:00:00:00:00:09"));
  EXPECT_TRUE(wait_for(follower, [](nlmsghdr* header) {
    if (header->nlmsg_type != RTM_NEWNEIGH) return false;
    std::optional<NeighbourInfo> neighbour = parse_neighbour(header);
    return neighbour && neighbour->mac && neighbour->mac->to_string() == "02:00:00:00:00:09";
  }));
}

TEST_F(Subscriptions, NothingWaitingIsNoNews) {
  Socket follower;
  follower.join(RTNLGRP_LINK);
  EXPECT_TRUE(follower.receive([](nlmsghdr*) { FAIL(); }));
}

// Whoever does not keep up must know that they have missed something.
TEST_F(Subscriptions, MissedChangesAreOwnedUpTo) {
  Socket follower;
  follower.join(RTNLGRP_LINK);
  auto set_buffer = [&](int size) {
    ASSERT_EQ(::setsockopt(follower.descriptor(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
  };
  set_buffer(1);  // the kernel makes it its least
  for (int i = 0; i < 20; ++i) make_pair("a" + std::to_string(i), "b" + std::to_string(i));
  bool complete = true;
  for (int i = 0; i < 100 && complete; ++i) complete = follower.receive([](nlmsghdr*) {});
  EXPECT_FALSE(complete);
  // And it goes on after that.
  while (!follower.receive([](nlmsghdr*) {})) {
  }
  set_buffer(1 << 20);
  make_pair("last", "end");
  EXPECT_TRUE(wait_for(follower, [](nlmsghdr* header) { return parse_link(header).name == "last"; }));
}

TEST_F(Subscriptions, OfNoSuchGroupAreRefused) {
  Socket follower;
  EXPECT_THROW(follower.join(100000), base::Error);
}

TEST_F(Subscriptions, ChangesArriveOnAnEventLoop) {
  boost::asio::io_context loop;
  std::vector<std::string> names;
  auto changes = std::make_unique<Changes>(loop, std::initializer_list<int>{RTNLGRP_LINK}, [&](nlmsghdr* change) {
    if (change != nullptr && change->nlmsg_type == RTM_NEWLINK) names.push_back(parse_link(change).name);
    if (!names.empty() && names.back() == "a") loop.stop();
  });
  make_pair("a", "b");
  loop.run_for(std::chrono::seconds(20));
  EXPECT_THAT(names, testing::Contains("a"));
  // Nothing is reported after its end, though something is waiting.
  make_pair("c", "d");
  changes.reset();
  names.clear();
  loop.restart();
  loop.run_for(std::chrono::milliseconds(50));
  EXPECT_THAT(names, testing::IsEmpty());
}

// ---- messages

TEST(Message, BeyondItsBufferIsRefused) {
  Message message(RTM_NEWLINK, 0, ifinfomsg{});
  std::string large(20000, 'x');
  EXPECT_THROW(message.put_bytes(IFLA_IFNAME, large.data(), large.size()), base::Error);
}

TEST(Message, NestsCloseInTheirOrder) {
  Message message(RTM_NEWLINK, 0, ifinfomsg{});
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("veth"));
    auto data = message.nest(IFLA_INFO_DATA);
    message.put(1, std::uint32_t{7});
  }
  message.put(IFLA_MTU, std::uint32_t{1400});
  nlattr* attributes[IFLA_MAX + 1];
  ASSERT_EQ(nlmsg_parse(nlmsg_hdr(message.get()), sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr), 0);
  ASSERT_TRUE(attributes[IFLA_LINKINFO] && attributes[IFLA_MTU]);
  EXPECT_EQ(nla_get_u32(attributes[IFLA_MTU]), 1400u);
  nlattr* info[IFLA_INFO_MAX + 1];
  ASSERT_EQ(nla_parse_nested(info, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], nullptr), 0);
  EXPECT_STREQ(nla_get_string(info[IFLA_INFO_KIND]), "veth");
  EXPECT_TRUE(info[IFLA_INFO_DATA]);
}

}  // namespace
