// Links, by the kernel that is here, in namespaces of the test's own.
#include "lib/netlink/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/dummy.h"
#include "lib/netlink/links/gre.h"
#include "lib/netlink/links/ipip.h"
#include "lib/netlink/links/macvlan.h"
#include "lib/netlink/links/tun.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/links/vlan.h"
#include "lib/netlink/links/vxlan.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/private_network.h"

namespace {

namespace json = boost::json;
using namespace netlink;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

NewLink named(const std::string& name) {
  NewLink link;
  link.name = name;
  return link;
}

std::string failure_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no failure";
}

// What the program ip says of the link's kind: somebody else's eyes.
json::object as_iproute_sees(const std::string& name) {
  json::value links = json::parse(base::run_checked({"ip", "-details", "-json", "link", "show", "dev", name}));
  return links.at(0).at("linkinfo").as_object();
}

class Links : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (!IsSkipped()) socket_.emplace();
  }
  Socket& socket() { return *socket_; }

  // A pair of links named in this namespace.
  void make_pair(const NewLink& near, const NewLink& far) {
    create_veth(socket(), near, far, current_network_namespace());
  }

 private:
  std::optional<Socket> socket_;
};

// ---- every kind

TEST_F(Links, VethPlacesBothEndsWhereTheyBelong) {
  base::FileDescriptor other = create_network_namespace();
  NewLink near = named("near"), far = named("far");
  near.mac = MacAddress::parse("02:00:00:00:00:01");
  near.mtu = 1400;
  near.up = true;
  far.mac = MacAddress::parse("02:00:00:00:00:02");
  far.mtu = 1300;
  create_veth(socket(), near, far, other);

  LinkInfo here = get_link(socket(), "near");
  EXPECT_EQ(here.kind, "veth");
  EXPECT_EQ(here.mac.to_string(), "02:00:00:00:00:01");
  EXPECT_EQ(here.mtu, 1400u);
  EXPECT_TRUE(here.up);
  EXPECT_FALSE(find_link(socket(), "far"));

  Socket there = Socket::open_in(other);
  LinkInfo distant = get_link(there, "far");
  EXPECT_EQ(distant.kind, "veth");
  EXPECT_EQ(distant.mac.to_string(), "02:00:00:00:00:02");
  EXPECT_EQ(distant.mtu, 1300u);
  EXPECT_FALSE(distant.up);
  EXPECT_FALSE(find_link(there, "near"));
}

TEST_F(Links, VethDiesWithTheNamespaceOfEitherEnd) {
  {
    base::FileDescriptor other = create_network_namespace();
    create_veth(socket(), named("near"), named("far"), other);
    ASSERT_TRUE(find_link(socket(), "near"));
  }
  // The kernel takes a namespace down after its last descriptor is closed, in its own time.
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (find_link(socket(), "near") && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
  EXPECT_FALSE(find_link(socket(), "near"));
}

TEST_F(Links, BridgeForwardsAtOnceAndFloods) {
  NewLink bridge = named("br0");
  bridge.up = true;
  bridge.mac = MacAddress::parse("02:00:00:00:00:0b");
  create_bridge(socket(), bridge);
  LinkInfo info = get_link(socket(), "br0");
  EXPECT_EQ(info.kind, "bridge");
  EXPECT_EQ(info.mac.to_string(), "02:00:00:00:00:0b");
  EXPECT_TRUE(info.up);
  json::object options = as_iproute_sees("br0").at("info_data").as_object();
  EXPECT_EQ(options.at("stp_state"), 0);
  EXPECT_EQ(options.at("forward_delay"), 0);
  EXPECT_EQ(options.at("mcast_snooping"), 0);
}

TEST_F(Links, DummyHoldsAnAddress) {
  try {
    create_dummy(socket(), named("vip0"));
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks dummy";
    throw;
  }
  EXPECT_EQ(get_link(socket(), "vip0").kind, "dummy");
  add_address(socket(), "vip0", *Prefix::parse("10.10.0.1/32"));
}

TEST_F(Links, VxlanKeepsWhatItWasMadeOf) {
  make_pair(named("under"), named("peer"));
  Vxlan vxlan{7, 4789, IpAddress::parse("10.0.0.1"), get_link(socket(), "under").index, false};
  NewLink link = named("vx0");
  link.mac = MacAddress::parse("02:00:00:00:00:07");
  try {
    create_vxlan(socket(), link, vxlan);
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks vxlan";
    throw;
  }
  EXPECT_EQ(get_link(socket(), "vx0").kind, "vxlan");
  EXPECT_EQ(get_link(socket(), "vx0").mac.to_string(), "02:00:00:00:00:07");
  std::optional<Vxlan> found = find_vxlan(socket(), "vx0");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->vni, 7u);
  EXPECT_EQ(found->port, 4789);
  EXPECT_EQ(found->local->to_string(), "10.0.0.1");
  EXPECT_EQ(found->device, get_link(socket(), "under").index);
  EXPECT_FALSE(found->learning);
  EXPECT_FALSE(find_vxlan(socket(), "under"));
  EXPECT_FALSE(find_vxlan(socket(), "none"));
}

TEST_F(Links, VxlanWithoutWishesHasTheKernelsPortAndLearns) {
  try {
    create_vxlan(socket(), named("vx0"), {9, 0, std::nullopt, std::nullopt, true});
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks vxlan";
    throw;
  }
  EXPECT_EQ(find_vxlan(socket(), "vx0")->port, 8472);
  EXPECT_TRUE(find_vxlan(socket(), "vx0")->learning);
  EXPECT_FALSE(find_vxlan(socket(), "vx0")->device);
}

TEST_F(Links, MacvlanIsAnotherMachineOnTheSameWire) {
  make_pair(named("under"), named("peer"));
  NewLink link = named("mac0");
  link.mac = MacAddress::parse("02:00:00:00:00:0d");
  try {
    create_macvlan(socket(), link, get_link(socket(), "under").index, MacvlanMode::private_mode);
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks macvlan";
    throw;
  }
  EXPECT_EQ(get_link(socket(), "mac0").mac.to_string(), "02:00:00:00:00:0d");
  EXPECT_EQ(as_iproute_sees("mac0").at("info_kind"), "macvlan");
  EXPECT_EQ(as_iproute_sees("mac0").at("info_data").at("mode"), "private");
}

TEST_F(Links, VlanHasItsTag) {
  make_pair(named("under"), named("peer"));
  try {
    create_vlan(socket(), named("under.7"), get_link(socket(), "under").index, 7);
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks vlan";
    throw;
  }
  EXPECT_EQ(as_iproute_sees("under.7").at("info_kind"), "vlan");
  EXPECT_EQ(as_iproute_sees("under.7").at("info_data").at("id"), 7);
}

TEST_F(Links, IpipHasItsEndPoints) {
  make_pair(named("under"), named("peer"));
  Ipip tunnel{IpAddress::parse("10.0.0.1"), IpAddress::parse("10.0.0.2"), get_link(socket(), "under").index, 64};
  try {
    create_ipip(socket(), named("site-b"), tunnel);
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks ipip";
    throw;
  }
  json::object options = as_iproute_sees("site-b").at("info_data").as_object();
  EXPECT_EQ(as_iproute_sees("site-b").at("info_kind"), "ipip");
  EXPECT_EQ(options.at("local"), "10.0.0.1");
  EXPECT_EQ(options.at("remote"), "10.0.0.2");
  EXPECT_EQ(options.at("link"), "under");
  EXPECT_EQ(options.at("ttl"), 64);
}

TEST_F(Links, GreHasItsEndPointsAndItsKey) {
  make_pair(named("under"), named("peer"));
  Gre tunnel{IpAddress::parse("10.0.0.1"), IpAddress::parse("10.0.0.2"), get_link(socket(), "under").index, 64, 42};
  try {
    create_gre(socket(), named("site-b"), tunnel);
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks gre";
    throw;
  }
  json::object options = as_iproute_sees("site-b").at("info_data").as_object();
  EXPECT_EQ(as_iproute_sees("site-b").at("info_kind"), "gre");
  EXPECT_EQ(options.at("local"), "10.0.0.1");
  EXPECT_EQ(options.at("remote"), "10.0.0.2");
  EXPECT_EQ(options.at("link"), "under");
  EXPECT_EQ(options.at("ttl"), 64);
  EXPECT_EQ(options.at("ikey"), "0.0.0.42");
  EXPECT_EQ(options.at("okey"), "0.0.0.42");
}

TEST_F(Links, TunStaysWithoutAProgram) {
  NewLink link = named("vpn");
  link.mtu = 1400;
  NewLink frames = named("frames");
  frames.mac = MacAddress::parse("02:00:00:00:00:0e");
  try {
    create_tun(current_network_namespace(), link, TunMode::tun);
  } catch (const base::Error& error) {
    if (error.error_number() == ENOENT || error.error_number() == EACCES || error.error_number() == ENODEV) {
      GTEST_SKIP() << "this user has no /dev/net/tun";
    }
    throw;
  }
  create_tun(current_network_namespace(), frames, TunMode::tap);
  EXPECT_EQ(get_link(socket(), "vpn").mtu, 1400u);
  EXPECT_EQ(as_iproute_sees("vpn").at("info_data").at("type"), "tun");
  EXPECT_EQ(as_iproute_sees("frames").at("info_data").at("type"), "tap");
  EXPECT_EQ(get_link(socket(), "frames").mac.to_string(), "02:00:00:00:00:0e");
}

// ---- what any link may be told

TEST_F(Links, MovedLinkIsAsItShouldBeWhateverItWas) {
  NewLink near = named("near");
  near.mac = MacAddress::parse("02:00:00:00:00:01");
  make_pair(near, named("far"));
  add_address(socket(), "near", *Prefix::parse("10.0.0.1/24"));
  add_address(socket(), "far", *Prefix::parse("10.0.0.2/24"));
  set_link_mtu(socket(), "near", 1300);
  set_link_mac(socket(), "near", *MacAddress::parse("02:00:00:00:00:99"));
  base::FileDescriptor other = create_network_namespace();
  near.mtu = 1400;
  move_link(socket(), near, other);
  EXPECT_FALSE(find_link(socket(), "near"));
  Socket there = Socket::open_in(other);
  EXPECT_EQ(get_link(there, "near").mac.to_string(), "02:00:00:00:00:01");
  EXPECT_EQ(get_link(there, "near").mtu, 1400u);
  EXPECT_THAT(list_addresses(there), testing::IsEmpty());
  EXPECT_THAT(list_addresses(socket()),
              testing::Contains(testing::Field(&AddressInfo::address, *Prefix::parse("10.0.0.2/24"))));
}

TEST_F(Links, NewLinkMayBePartOfABridgeAtOnce) {
  NewLink bridge = named("br0");
  bridge.up = true;
  create_bridge(socket(), bridge);
  std::uint32_t index = get_link(socket(), "br0").index;
  NewLink port = named("port0");
  port.master = index;
  port.up = true;
  make_pair(port, named("peer0"));
  EXPECT_EQ(get_link(socket(), "port0").master, index);
  EXPECT_TRUE(get_link(socket(), "port0").up);

  set_link_master(socket(), "port0", 0);
  EXPECT_EQ(get_link(socket(), "port0").master, 0u);
  set_link_master(socket(), "port0", index);
  EXPECT_EQ(get_link(socket(), "port0").master, index);
}

TEST_F(Links, UpDownMtuAndDelete) {
  make_pair(named("a"), named("b"));
  EXPECT_FALSE(get_link(socket(), "a").up);
  set_link_up(socket(), "a");
  EXPECT_TRUE(get_link(socket(), "a").up);
  set_link_up(socket(), "a", false);
  EXPECT_FALSE(get_link(socket(), "a").up);
  set_link_mtu(socket(), "a", 1234);
  EXPECT_EQ(get_link(socket(), "a").mtu, 1234u);
  delete_link(socket(), "a");
  EXPECT_FALSE(find_link(socket(), "a"));
  EXPECT_FALSE(find_link(socket(), "b")) << "the other end goes with it";
}

TEST_F(Links, HairpinPortSendsFramesBackWhereTheyCameFrom) {
  create_bridge(socket(), named("br0"));
  NewLink port = named("port0");
  port.master = get_link(socket(), "br0").index;
  make_pair(port, named("peer0"));
  auto hairpin = [] { return as_iproute_sees("port0").at("info_slave_data").at("hairpin").as_bool(); };
  EXPECT_FALSE(hairpin());
  set_bridge_port_hairpin(socket(), "port0", true);
  EXPECT_TRUE(hairpin());
  set_bridge_port_hairpin(socket(), "port0", false);
  EXPECT_FALSE(hairpin());
}

TEST_F(Links, AlternativeNamesMayBeLong) {
  const std::string full = "a-link-with-a-name-that-no-interface-can-have";
  NewLink link = named("short");
  link.alternative_name = full;
  make_pair(link, named("peer"));
  EXPECT_THAT(get_link(socket(), "short").alternative_names, ElementsAre(full));
  EXPECT_EQ(get_link(socket(), full).name, "short");
  add_alternative_name(socket(), "short", "second");
  EXPECT_EQ(get_link(socket(), "second").name, "short");
  EXPECT_THAT(get_link(socket(), "peer").alternative_names, ElementsAre());
}

TEST_F(Links, ListHasAllOfThem) {
  make_pair(named("a"), named("b"));
  std::vector<std::string> names;
  for (const LinkInfo& link : list_links(socket())) names.push_back(link.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"lo", "a", "b"}));
}

// A dump of this many does not fit into one message.
TEST_F(Links, ListReadsDumpsOfManyMessages) {
  for (int i = 0; i < 150; ++i) make_pair(named("a" + std::to_string(i)), named("b" + std::to_string(i)));
  EXPECT_GE(list_links(socket()).size(), 301u);
}

// ---- failures say what, to what, and why

TEST_F(Links, FailuresHaveTheKernelsOwnWords) {
  make_pair(named("a"), named("b"));
  EXPECT_THAT(failure_of([&] { make_pair(named("a"), named("c")); }),
              AllOf(StartsWith("create veth pair a - c: "), HasSubstr("File exists")));
  EXPECT_THAT(failure_of([&] { set_link_mtu(socket(), "a", 70000); }),
              HasSubstr("set MTU 70000 on link a: mtu greater than device maximum (Invalid argument)"));
  EXPECT_THAT(failure_of([&] { set_link_master(socket(), "lo", get_link(socket(), "a").index); }),
              HasSubstr("set the master of link lo: "));
}

TEST_F(Links, FailuresOfVxlanNameTheConflict) {
  try {
    create_vxlan(socket(), named("vx0"), {7, 0, std::nullopt, std::nullopt, true});
  } catch (const base::Error& error) {
    if (error.error_number() == EOPNOTSUPP) GTEST_SKIP() << "this kernel lacks vxlan";
    throw;
  }
  EXPECT_EQ(failure_of([&] {
              create_vxlan(socket(), named("vx1"), {7, 0, std::nullopt, std::nullopt, true});
            }),
            "create vxlan link vx1: A VXLAN device with the specified VNI already exists (File exists)");
}

TEST_F(Links, WhatIsNotThereIsNamed) {
  EXPECT_EQ(failure_of([&] { get_link(socket(), "none"); }), "find link none: No such device");
  EXPECT_EQ(failure_of([&] { set_link_up(socket(), "none"); }), "set link none up: No such device");
  EXPECT_EQ(failure_of([&] { delete_link(socket(), "none"); }), "delete link none: No such device");
  EXPECT_FALSE(find_link(socket(), "none"));
  EXPECT_FALSE(find_link(socket(), "a-name-longer-than-an-interface-can-have"));
}

TEST_F(Links, TheErrorNumberIsKept) {
  try {
    set_link_up(socket(), "none");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.error_number(), ENODEV);
  }
}

// The socket is of use after a refusal: answers are told apart by their numbers.
TEST_F(Links, ARefusalLeavesTheSocketInOrder) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(delete_link(socket(), "none"), base::Error);
    EXPECT_EQ(get_link(socket(), "lo").name, "lo");
  }
}

}  // namespace
