#include "agents/nodelet/pod_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "agents/nodelet/address_pool.h"
#include "agents/nodelet/back_off.h"
#include "agents/nodelet/dns.h"
#include "lib/base/error.h"
#include "tests/unit/agents/nodelet/objects.h"

namespace nodelet {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

netlink::IpAddress ip(const std::string& text) {
  return *netlink::IpAddress::parse(text);
}
netlink::Prefix prefix(const std::string& text) {
  return *netlink::Prefix::parse(text);
}

TEST(PodNetwork, WithoutAnOverlayIsThePodCidr) {
  EXPECT_EQ(pod_network("10.244.1.0/24", false, {}).network, (PodNetwork{prefix("10.244.1.0/24"), {}}));
  EXPECT_THAT(pod_network("", false, {}).missing, HasSubstr("no podCIDR yet"));
}

TEST(PodNetwork, WithAnOverlayIsWhatItsFileSays) {
  EXPECT_THAT(pod_network("10.244.1.0/24", true, {}).missing, HasSubstr("has not written its file"));
  NetworkState state = pod_network("10.244.1.0/24", true,
                                   "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\n");
  EXPECT_EQ(state.network, (PodNetwork{prefix("10.244.1.0/24"), 1450}));
  EXPECT_EQ(state.network->gateway(), prefix("10.244.1.1/24"));
  EXPECT_THAT(pod_network("10.244.1.0/24", true, "FLANNEL_MTU=1450\n").missing, HasSubstr("no FLANNEL_SUBNET"));
  EXPECT_THAT(pod_network("10.244.3.0/24", true, "FLANNEL_SUBNET=10.244.1.1/24\n").missing,
              HasSubstr("still names the subnet 10.244.1.1/24, but the node's podCIDR is 10.244.3.0/24"));
}

TEST(AddressPool, GivesTheNextAfterTheLastOneAndNoneInUse) {
  AddressPool pool;
  EXPECT_THROW(pool.allocate(), base::Error);
  pool.set_subnet(prefix("10.244.1.8/29"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.10"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.11"));
  pool.release(ip("10.244.1.10"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.12")) << "the address of one that has just gone";
  pool.release(ip("10.244.1.12"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.13"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.14"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.10")) << "it begins anew at the end";
  EXPECT_EQ(pool.allocate(), ip("10.244.1.12"));
}

// What an earlier nodelet gave out last is not known, but it may have been the highest.
TEST(AddressPool, GoesOnAfterTheAddressesThatItFound) {
  AddressPool pool;
  pool.reserve(ip("10.244.1.6"));
  pool.reserve(ip("10.244.1.4"));
  pool.set_subnet(prefix("10.244.1.0/24"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.7"));
}

TEST(AddressPool, BeginsAnewInAnotherSubnet) {
  AddressPool pool;
  pool.reserve(ip("10.244.7.9"));
  pool.set_subnet(prefix("10.244.1.0/24"));
  EXPECT_EQ(pool.allocate(), ip("10.244.1.2"));
}

TEST(AddressPool, EndsBeforeTheBroadcastAddress) {
  AddressPool pool;
  pool.set_subnet(prefix("10.244.1.8/29"));
  for (const char* text : {"10.244.1.10", "10.244.1.11", "10.244.1.12", "10.244.1.13", "10.244.1.14"}) {
    EXPECT_EQ(pool.allocate(), ip(text));
  }
  try {
    pool.allocate();
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "no address is free in 10.244.1.8/29");
  }
}

TEST(BackOff, DoublesUpToItsLimitAndBeginsAnewAfterAWhile) {
  BackOff back_off;
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(back_off.next(50ms));
  EXPECT_THAT(waits, ::testing::ElementsAre(200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 10000ms, 10000ms));
  EXPECT_EQ(back_off.next(9999ms), 10000ms);
  EXPECT_EQ(back_off.next(10000ms), 200ms);
}

std::string dns(const std::string& spec, const std::string& cluster_address = "10.108.0.10") {
  auto object = dns_for(parse_pod(spec), {cluster_address});
  return object ? boost::json::serialize(*object) : "none";
}

TEST(Dns, ClusterFirstIsTheClustersWithItsSearches) {
  EXPECT_EQ(dns("{}"), R"({"nameservers":["10.108.0.10"],"searches":["default.svc.cluster.local","svc.cluster.local",)"
                       R"("cluster.local"],"options":["ndots:5"]})");
  EXPECT_EQ(dns("{}", ""), "none") << "there is no Service for it";
}

TEST(Dns, OtherPoliciesHaveTheNodesOrTheirOwn) {
  EXPECT_EQ(dns(R"({"dnsPolicy": "Default"})"), "none");
  EXPECT_EQ(dns(R"({"hostNetwork": true})"), "none");
  EXPECT_THAT(dns(R"({"hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet"})"), HasSubstr("10.108.0.10"));
  EXPECT_EQ(dns(R"({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.2.3.4"], "searches": ["a.b"],
                "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}})"),
            R"({"nameservers":["1.2.3.4"],"searches":["a.b"],"options":["ndots:2","edns0"]})");
}

TEST(Dns, ConfigAddsToThePolicyAndOverridesItsOptions) {
  EXPECT_THAT(dns(R"({"dnsConfig": {"nameservers": ["1.2.3.4"], "options": [{"name": "ndots", "value": "2"}]}})"),
              ::testing::AllOf(HasSubstr(R"(["10.108.0.10","1.2.3.4"])"), HasSubstr(R"("options":["ndots:2"])")));
}

}  // namespace
}  // namespace nodelet
