#include "agents/proxy/service_port.h"

#include "tests/unit/agents/proxy/objects.h"

namespace proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const char* const http = "[{name: http, port: 8080, protocol: TCP}]";

TEST(ServicePorts, JoinAServiceWithItsSlicesByPortName) {
  Objects objects(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80}, {name: admin, port: 81}]}") +
                  slice("web", "[{name: http, port: 8080, protocol: TCP}, {name: admin, port: 9000, protocol: TCP}]",
                        "[{addresses: [10.244.2.2], nodeName: n2}, {addresses: [10.244.1.2], nodeName: n1}]") +
                  slice("web", "[{name: http, port: 8081, protocol: TCP}]", "[{addresses: [10.244.3.2]}]", "web-2") +
                  slice("other", http, "[{addresses: [10.244.9.9]}]"));
  auto ports = objects.ports();
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_EQ(ports[0].name, "default/web:http");
  EXPECT_EQ(ports[0].cluster_ip, ip("10.96.0.5"));
  EXPECT_THAT(places(ports[0].endpoints), ElementsAre("10.244.1.2:8080", "10.244.2.2:8080", "10.244.3.2:8081"));
  EXPECT_TRUE(ports[0].endpoints[0].local);
  EXPECT_FALSE(ports[0].endpoints[1].local);
  EXPECT_EQ(ports[1].name, "default/web:admin");
  EXPECT_THAT(places(ports[1].endpoints), ElementsAre("10.244.1.2:9000", "10.244.2.2:9000"));
}

TEST(ServicePorts, APortWithoutANameIsNamedAfterItsService) {
  Objects objects(service("web", "{clusterIP: 10.96.0.5, ports: [{port: 80}]}") +
                  slice("web", "[{port: 8080, protocol: TCP}]", "[{addresses: [10.244.1.2]}]"));
  ASSERT_EQ(objects.ports().size(), 1U);
  EXPECT_EQ(objects.ports()[0].name, "default/web");
  EXPECT_THAT(places(objects.ports()[0].endpoints), ElementsAre("10.244.1.2:8080"));
}

TEST(ServicePorts, TheSamePortNumberOfTwoProtocolsIsTwoPorts) {
  Objects objects(
      service("dns", "{clusterIP: 10.96.0.10, ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}]}") +
      slice("dns", "[{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53, protocol: TCP}]",
            "[{addresses: [10.244.1.2]}]"));
  ASSERT_EQ(objects.ports().size(), 2U);
  EXPECT_EQ(objects.ports()[0].protocol, netfilter::Protocol::udp);
  EXPECT_EQ(objects.ports()[1].protocol, netfilter::Protocol::tcp);
}

TEST(ServicePorts, APortOfAnotherProtocolIsNotServedThoughItHasTheName) {
  Objects objects(service("dns", "{clusterIP: 10.96.0.10, ports: [{name: dns, port: 53, protocol: UDP}]}") +
                  slice("dns", "[{name: dns, port: 53, protocol: TCP}]", "[{addresses: [10.244.1.2]}]"));
  EXPECT_THAT(objects.ports().at(0).endpoints, IsEmpty());
}

TEST(ServicePorts, WhatHasNoAddressIsNotOurs) {
  Objects objects(service("headless", "{clusterIP: None, ports: [{port: 80}]}") +
                  service("alias", "{type: ExternalName, externalName: example.org, ports: [{port: 80}]}") +
                  service("pending", "{ports: [{port: 80}]}"));
  EXPECT_THAT(objects.ports(), IsEmpty());
}

TEST(ServicePorts, AnEndpointInTwoSlicesIsOneAndTheReadyOneCounts) {
  Objects objects(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]}") +
                  slice("web", http, "[{addresses: [10.244.1.2], conditions: {ready: false}}]", "a") +
                  slice("web", http, "[{addresses: [10.244.1.2], conditions: {ready: true}}]", "b"));
  ASSERT_EQ(objects.ports()[0].endpoints.size(), 1U);
  EXPECT_TRUE(objects.ports()[0].endpoints[0].ready);
}

TEST(ServicePorts, ReadHowItIsReached) {
  Objects objects(service("web",
                          "{type: LoadBalancer, clusterIP: 10.96.0.5, ports: [{name: http, port: 80, nodePort: 30080}],"
                          " externalIPs: [203.0.113.1], loadBalancerSourceRanges: [' 10.0.0.0/8', 192.168.1.7/24],"
                          " sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}},"
                          " externalTrafficPolicy: Local, internalTrafficPolicy: Local, healthCheckNodePort: 31000}",
                          "{loadBalancer: {ingress: [{ip: 198.51.100.7}]}}"));
  ServicePort port = objects.ports().at(0);
  EXPECT_EQ(port.node_port, 30080);
  EXPECT_THAT(port.external_ips, ElementsAre(ip("203.0.113.1")));
  EXPECT_THAT(port.load_balancer_ips, ElementsAre(ip("198.51.100.7")));
  EXPECT_THAT(port.source_ranges, ElementsAre(prefix("10.0.0.0/8"), prefix("192.168.1.0/24")));
  EXPECT_EQ(port.affinity_seconds, 60U);
  EXPECT_TRUE(port.external_local);
  EXPECT_TRUE(port.internal_local);
  EXPECT_EQ(port.health_check_node_port, 31000);
}

// kubernetes#132719
TEST(ServicePorts, ASourceRangeOfEverythingRestrictsNothing) {
  Objects objects(service("web",
                          "{type: LoadBalancer, clusterIP: 10.96.0.5, ports: [{port: 80}],"
                          " loadBalancerSourceRanges: [10.0.0.0/8, 0.0.0.0/0]}"));
  EXPECT_FALSE(objects.ports().at(0).restricts_sources);
  EXPECT_THAT(objects.ports().at(0).source_ranges, IsEmpty());
}

// What the balancer passes on has the node's address as its destination (KEP-1860).
TEST(ServicePorts, ABalancerThatIsAProxyKeepsItsAddress) {
  Objects objects(service("web", "{type: LoadBalancer, clusterIP: 10.96.0.5, ports: [{port: 80}]}",
                          "{loadBalancer: {ingress: [{ip: 198.51.100.7, ipMode: Proxy}, {ip: 198.51.100.8},"
                          " {ip: 198.51.100.9, ipMode: VIP}]}}"));
  EXPECT_THAT(objects.ports().at(0).load_balancer_ips, ElementsAre(ip("198.51.100.8"), ip("198.51.100.9")));
}

TEST(ServicePorts, SourceRangesThatCannotBeReadAdmitNobody) {
  Objects objects(service("web",
                          "{type: LoadBalancer, clusterIP: 10.96.0.5, ports: [{port: 80}],"
                          " loadBalancerSourceRanges: [10.0.0/8, all]}"));
  EXPECT_TRUE(objects.ports().at(0).restricts_sources);
  EXPECT_THAT(objects.ports().at(0).source_ranges, IsEmpty());
}

TEST(ServicePorts, AnExternalPolicyMeansNothingToAServiceThatIsNotReachedFromOutside) {
  Objects objects(service("web", "{clusterIP: 10.96.0.5, ports: [{port: 80}], externalTrafficPolicy: Local}"));
  EXPECT_FALSE(objects.ports().at(0).external_local);
}

TEST(ServicePorts, EachFamilyHasItsOwnAddresses) {
  Objects objects(
      service("web",
              "{clusterIP: 10.96.0.5, clusterIPs: [10.96.0.5, 'fd00:96::5'], externalIPs: ['fd00::1', 203.0.113.1],"
              " ports: [{name: http, port: 80}]}") +
      service("four", "{clusterIP: 10.96.0.6, ports: [{port: 80}]}") +
      slice("web", http, "[{addresses: [10.244.1.2]}]", "web-4") +
      slice("web", http, "[{addresses: ['fd00:244::2']}]", "web-6", "IPv6"));
  auto ports = objects.ports(Family::ipv6);
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(ports[0].cluster_ip, ip("fd00:96::5"));
  EXPECT_THAT(ports[0].external_ips, ElementsAre(ip("fd00::1")));
  EXPECT_THAT(places(ports[0].endpoints), ElementsAre("fd00:244::2:8080"));
  EXPECT_EQ(objects.ports(Family::ipv4).size(), 2U);
}

class EndpointChoice : public testing::Test {
 protected:
  // The port of a Service with these endpoints.
  static ServicePort port(const std::string& endpoints) {
    Objects objects(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]}") +
                    slice("web", http, endpoints));
    return objects.ports().at(0);
  }
};

TEST_F(EndpointChoice, TakesThoseThatAreReady) {
  ServicePort web = port(
      "[{addresses: [10.244.1.1], nodeName: n1}, {addresses: [10.244.1.2], nodeName: n1, conditions: {ready: false}},"
      " {addresses: [10.244.2.1], nodeName: n2, conditions: {ready: true}},"
      " {addresses: [10.244.2.2], nodeName: n2, conditions: {ready: false, serving: true, terminating: true}}]");
  EXPECT_THAT(places(cluster_endpoints(web, "")), ElementsAre("10.244.1.1:8080", "10.244.2.1:8080"));
  EXPECT_THAT(places(local_endpoints(web)), ElementsAre("10.244.1.1:8080"));
}

TEST_F(EndpointChoice, FallsBackToThoseThatServeWhileTheyTerminate) {
  ServicePort web = port(
      "[{addresses: [10.244.1.1], nodeName: n1, conditions: {ready: false, serving: true, terminating: true}},"
      " {addresses: [10.244.1.2], nodeName: n1, conditions: {ready: false, serving: false, terminating: true}},"
      " {addresses: [10.244.1.3], nodeName: n1, conditions: {ready: false, serving: true, terminating: false}}]");
  EXPECT_THAT(places(cluster_endpoints(web, "")), ElementsAre("10.244.1.1:8080"));
  EXPECT_THAT(places(local_endpoints(web)), ElementsAre("10.244.1.1:8080"));
}

TEST_F(EndpointChoice, TheTwoPoliciesFallBackEachForItself) {
  ServicePort web = port(
      "[{addresses: [10.244.1.1], nodeName: n1, conditions: {ready: false, serving: true, terminating: true}},"
      " {addresses: [10.244.2.1], nodeName: n2, conditions: {ready: true}}]");
  EXPECT_THAT(places(cluster_endpoints(web, "")), ElementsAre("10.244.2.1:8080"));
  EXPECT_THAT(places(local_endpoints(web)), ElementsAre("10.244.1.1:8080"));
}

TEST_F(EndpointChoice, HintsKeepTrafficInTheZone) {
  ServicePort web = port(
      "[{addresses: [10.244.1.1], hints: {forZones: [{name: a}]}},"
      " {addresses: [10.244.2.1], hints: {forZones: [{name: b}]}}]");
  EXPECT_THAT(places(cluster_endpoints(web, "a")), ElementsAre("10.244.1.1:8080"));
  EXPECT_EQ(cluster_endpoints(web, "c").size(), 2U) << "no endpoint is meant for this zone";
  EXPECT_EQ(cluster_endpoints(web, "").size(), 2U);
}

TEST_F(EndpointChoice, HintsCountWhereAllEndpointsHaveThem) {
  ServicePort web = port("[{addresses: [10.244.1.1], hints: {forZones: [{name: a}]}}, {addresses: [10.244.2.1]}]");
  EXPECT_EQ(cluster_endpoints(web, "a").size(), 2U);
}

}  // namespace
}  // namespace proxy
