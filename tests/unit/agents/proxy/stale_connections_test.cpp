#include "agents/proxy/stale_connections.h"

#include <netinet/in.h>

#include "tests/unit/agents/proxy/objects.h"

namespace proxy {
namespace {

std::string dns(const std::string& endpoints, const std::string& protocol = "UDP") {
  return service("dns",
                 "{type: NodePort, clusterIP: 10.96.0.10, externalIPs: [203.0.113.1], ports: [{name: dns, port: 53, "
                 "protocol: " +
                     protocol + ", nodePort: 30053}]}") +
         slice("dns", "[{name: dns, port: 5353, protocol: " + protocol + "}]", endpoints);
}

netfilter::ConntrackEntry entry(const std::string& destination, std::uint16_t port, const std::string& answered_by,
                                std::uint8_t protocol = IPPROTO_UDP) {
  netfilter::ConntrackEntry result;
  result.protocol = protocol;
  result.original = {ip("10.244.1.9"), ip(destination), 4000, port};
  result.reply = {ip(answered_by), ip("10.244.1.9"), 5353, 4000};
  return result;
}

class StaleConnectionsTest : public testing::Test {
 protected:
  bool update(const std::string& manifests) { return stale.update(Objects(manifests).ports(), {ip("192.168.1.1")}); }
  StaleConnections stale;
};

TEST_F(StaleConnectionsTest, LeadToAnEndpointThatIsGone) {
  update(dns("[{addresses: [10.244.1.2]}]"));
  for (const char* frontend : {"10.96.0.10", "203.0.113.1"}) {
    EXPECT_TRUE(stale.is_stale(entry(frontend, 53, "10.244.1.3"))) << frontend;
    EXPECT_FALSE(stale.is_stale(entry(frontend, 53, "10.244.1.2"))) << frontend;
  }
  EXPECT_TRUE(stale.is_stale(entry("192.168.1.1", 30053, "10.244.1.3")));
  EXPECT_FALSE(stale.is_stale(entry("192.168.1.1", 30053, "10.244.1.2")));
}

// What was sent while there was no endpoint has an entry that leads to the Service's own address for ever.
TEST_F(StaleConnectionsTest, OrToNobodyFromBeforeThereWasAnEndpoint) {
  update(dns("[{addresses: [10.244.1.2]}]"));
  EXPECT_TRUE(stale.is_stale(entry("10.96.0.10", 53, "10.96.0.10")));
}

TEST_F(StaleConnectionsTest, OfOthersAreLeftAlone) {
  update(dns("[{addresses: [10.244.1.2]}]"));
  EXPECT_FALSE(stale.is_stale(entry("10.96.0.10", 54, "10.244.1.3"))) << "another port";
  EXPECT_FALSE(stale.is_stale(entry("8.8.8.8", 53, "8.8.8.8"))) << "no Service";
  EXPECT_FALSE(stale.is_stale(entry("8.8.8.8", 30053, "8.8.8.8"))) << "not an address of this node";
  EXPECT_FALSE(stale.is_stale(entry("10.96.0.10", 53, "10.244.1.3", IPPROTO_TCP))) << "TCP ends by itself";
}

TEST_F(StaleConnectionsTest, StayWhileAnEndpointServesThoughItIsNotReady) {
  update(
      dns("[{addresses: [10.244.1.2], conditions: {ready: false, serving: true, terminating: true}},"
          " {addresses: [10.244.1.3]}]"));
  EXPECT_FALSE(stale.is_stale(entry("10.96.0.10", 53, "10.244.1.2")));
}

TEST_F(StaleConnectionsTest, StayWhereThereIsNobodyElse) {
  update(dns("[]"));
  EXPECT_FALSE(stale.is_stale(entry("10.96.0.10", 53, "10.244.1.2")));
}

TEST_F(StaleConnectionsTest, AreLookedForWhenUdpEndpointsChangeAndOnlyThen) {
  EXPECT_TRUE(update(dns("[{addresses: [10.244.1.2]}]")));
  EXPECT_FALSE(update(dns("[{addresses: [10.244.1.2]}]")));
  EXPECT_FALSE(
      update(dns("[{addresses: [10.244.1.2]}]") + service("web", "{clusterIP: 10.96.0.5, ports: [{port: 80}]}")));
  EXPECT_TRUE(update(dns("[{addresses: [10.244.1.3]}]")));
}

}  // namespace
}  // namespace proxy
