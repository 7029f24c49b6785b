#include "agents/overlay/tunnels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace overlay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

netlink::IpAddress ip(const std::string& text) {
  return *netlink::IpAddress::parse(text);
}
netlink::Prefix prefix(const std::string& text) {
  return *netlink::Prefix::parse(text);
}
netlink::MacAddress mac(const std::string& text) {
  return *netlink::MacAddress::parse(text);
}

Lease lease(const std::string& node, const std::string& subnet, const std::string& public_ip,
            const std::string& vtep_mac) {
  return {node, prefix(subnet), ip(public_ip), "vxlan", vxlan_data(1, mac(vtep_mac))};
}
const Lease worker1 = lease("worker1", "10.244.1.0/24", "192.168.113.11", "02:00:00:00:00:01");
const Lease worker2 = lease("worker2", "10.244.2.0/24", "192.168.113.12", "02:00:00:00:00:02");

TEST(Tunnels, AreThreeEntriesForEachNode) {
  Forwarding forwarding = forwarding_for(tunnels_of({worker1, worker2}, 1).tunnels);
  EXPECT_THAT(forwarding.neighbours, ElementsAre(Pair(ip("10.244.1.0"), mac("02:00:00:00:00:01")),
                                                 Pair(ip("10.244.2.0"), mac("02:00:00:00:00:02"))));
  EXPECT_THAT(forwarding.entries, ElementsAre(Pair(mac("02:00:00:00:00:01"), ip("192.168.113.11")),
                                              Pair(mac("02:00:00:00:00:02"), ip("192.168.113.12"))));
  EXPECT_THAT(forwarding.routes, ElementsAre(Pair(prefix("10.244.1.0/24"), ip("10.244.1.0")),
                                             Pair(prefix("10.244.2.0/24"), ip("10.244.2.0"))));
}

TEST(Tunnels, AreRefusedWithTheReason) {
  Lease host_gw = worker1;
  host_gw.backend_type = "host-gw";
  Lease other_network = worker1;
  other_network.backend_data = R"({"VNI":7,"VtepMAC":"02:00:00:00:00:01"})";
  Lease nothing = worker1;
  nothing.backend_data = "null";
  Tunnels tunnels = tunnels_of({host_gw, other_network, nothing, worker2}, 1);
  EXPECT_THAT(tunnels.refused, ElementsAre(HasSubstr("its backend is host-gw"), HasSubstr("its VNI is 7, not 1"),
                                           HasSubstr("names no VtepMAC: null")));
  EXPECT_EQ(tunnels.tunnels.size(), 1u);
}

// Two entries of one key would take turns, each repair undoing the other.
TEST(Tunnels, DoNotContradictOneAnother) {
  Lease same_subnet = lease("worker3", "10.244.1.0/24", "192.168.113.13", "02:00:00:00:00:03");
  Lease same_mac = lease("worker4", "10.244.4.0/24", "192.168.113.14", "02:00:00:00:00:02");
  Tunnels tunnels = tunnels_of({worker1, worker2, same_subnet, same_mac}, 1);
  EXPECT_EQ(tunnels.tunnels.size(), 2u);
  EXPECT_THAT(tunnels.refused,
              ElementsAre("no tunnel to node worker3: its subnet 10.244.1.0/24 is that of node worker1",
                          "no tunnel to node worker4: its VtepMAC 02:00:00:00:00:02 is that of node worker2"));
}

TEST(Forwarding, OutdatedIsWhatNobodyWantsAnyMore) {
  Forwarding both = forwarding_for(tunnels_of({worker1, worker2}, 1).tunnels);
  Forwarding one = forwarding_for(tunnels_of({worker1}, 1).tunnels);
  EXPECT_EQ(outdated(both, one), forwarding_for(tunnels_of({worker2}, 1).tunnels));
  EXPECT_EQ(outdated(one, both), Forwarding());
}

// A node that moved keeps its keys: its entries are replaced, never missing.
TEST(Forwarding, AMovedNodeIsNotOutdated) {
  Lease moved = lease("worker2", "10.244.2.0/24", "192.168.113.99", "02:00:00:00:00:02");
  EXPECT_EQ(outdated(forwarding_for(tunnels_of({worker2}, 1).tunnels), forwarding_for(tunnels_of({moved}, 1).tunnels)),
            Forwarding());
}

TEST(VxlanData, IsFlannelsAnnotation) {
  EXPECT_EQ(vxlan_data(1, mac("02:00:00:00:00:01")), R"({"VNI":1,"VtepMAC":"02:00:00:00:00:01"})");
  EXPECT_EQ(vtep_mac(R"({"VNI":1,"VtepMAC":"02:00:00:00:00:01"})"), mac("02:00:00:00:00:01"));
  for (const char* bad : {"", "null", "{}", "[1]", R"({"VtepMAC":"02:00"})"}) EXPECT_FALSE(vtep_mac(bad)) << bad;
}

}  // namespace
}  // namespace overlay
