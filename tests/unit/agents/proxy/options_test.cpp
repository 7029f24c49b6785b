#include "agents/proxy/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agents/proxy/mode.h"
#include "lib/base/error.h"

namespace proxy {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const Flags& flags) {
  try {
    parse_options(flags);
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

TEST(Durations, AreReadAsGoWritesThem) {
  EXPECT_EQ(parse_duration("5s"), milliseconds(5000));
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("1m30s"), milliseconds(90000));
  EXPECT_EQ(parse_duration("1.5h"), milliseconds(5400000));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  for (const char* text : {"", "5", "s", "-1s", "5 s", "1d", "five"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Options, RefusalsNameTheFlag) {
  Flags flags;
  flags.cluster_cidr = "10.244.0.0/99";
  EXPECT_THAT(refusal(flags), HasSubstr("--cluster-cidr=10.244.0.0/99"));
  flags = {};
  flags.proxy_mode = "userspace";
  EXPECT_THAT(refusal(flags), HasSubstr("--proxy-mode=userspace: ipvs, iptables or nftables expected"));
  flags = {};
  flags.masquerade_bit = 32;
  EXPECT_THAT(refusal(flags), HasSubstr("--iptables-masquerade-bit=32"));
  flags = {};
  flags.sync_period = "0s";
  EXPECT_THAT(refusal(flags), HasSubstr("--ipvs-sync-period=0s"));
  flags = {};
  flags.node_ip = "worker1";
  EXPECT_THAT(refusal(flags), HasSubstr("--node-ip=worker1"));
}

TEST(Options, TheMarkIsTheBit) {
  Flags flags;
  EXPECT_EQ(parse_options(flags).masquerade_mark, 0x4000U);
  flags.masquerade_bit = 15;
  EXPECT_EQ(parse_options(flags).masquerade_mark, 0x8000U);
}

TEST(Options, FamiliesAreThoseOfTheCluster) {
  Flags flags;
  EXPECT_THAT(parse_options(flags).families(), ElementsAre(Family::ipv4));
  flags.cluster_cidr = "10.244.0.0/16";
  EXPECT_THAT(parse_options(flags).families(), ElementsAre(Family::ipv4));
  flags.cluster_cidr = "10.244.0.0/16,fd00:244::/56";
  EXPECT_THAT(parse_options(flags).families(), ElementsAre(Family::ipv4, Family::ipv6));
  flags.cluster_cidr = "fd00:244::/56";
  EXPECT_THAT(parse_options(flags).families(), ElementsAre(Family::ipv6));
}

TEST(Options, NodePortsMayBeThoseOfTheNodesOwnAddressAlone) {
  Flags flags;
  flags.nodeport_addresses = "primary";
  EXPECT_TRUE(parse_options(flags).node_ports_on_node_ip_alone);
  flags.nodeport_addresses = "192.168.0.0/16,10.0.0.0/8";
  EXPECT_EQ(parse_options(flags).node_port_addresses.size(), 2U);
}

TEST(Options, NodePortsOnLoopbackMayBeLeftOut) {
  Flags flags;
  EXPECT_TRUE(parse_options(flags).localhost_node_ports);
  flags.localhost_node_ports = false;
  EXPECT_FALSE(parse_options(flags).localhost_node_ports);
}

TEST(Modes, ThatAreNotThereAreRefusedByName) {
  Flags flags;
  flags.proxy_mode = "nftables";
  std::ostringstream log;
  try {
    make_mode(parse_options(flags), log);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no mode nftables"));
  }
}

}  // namespace
}  // namespace proxy
