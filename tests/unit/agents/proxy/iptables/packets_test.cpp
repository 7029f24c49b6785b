// What the rules do with real packets.
#include <algorithm>
#include <sstream>

#include "agents/proxy/iptables/iptables_mode.h"
#include "lib/netfilter/iptables.h"
#include "tests/unit/agents/proxy/iptables/small_cluster.h"
#include "tests/unit/private_network.h"

namespace proxy::iptables {
namespace {

using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Pair;

const char* const tcp_port = "[{name: p, port: 8080, protocol: TCP}]";
const char* const udp_port = "[{name: p, port: 8080, protocol: UDP}]";
// Pods are on this node or, as far as the rules know, on another.
const char* const one_local = "[{addresses: [10.244.1.2], nodeName: n1}]";
const char* const one_remote = "[{addresses: [10.244.2.2], nodeName: n2}]";
const char* const one_of_each = "[{addresses: [10.244.1.2], nodeName: n1}, {addresses: [10.244.2.2], nodeName: n2}]";
const char* const three =
    "[{addresses: [10.244.1.2], nodeName: n1}, {addresses: [10.244.2.2], nodeName: n2}, {addresses: [10.244.3.2], "
    "nodeName: n2}]";
constexpr int long_enough_for_a_packet = 250;

class Packets : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    cluster.emplace();
    Flags flags;
    flags.proxy_mode = "iptables";
    flags.cluster_cidr = "10.244.0.0/16";
    options = parse_options(flags);
    try {
      mode.emplace(options, log);
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  void serve(const std::string& manifests, bool verify = false) {
    ClusterView view;
    view.ports[Family::ipv4] = Objects(manifests).ports();
    view.node_ips = {ip("192.168.113.11")};
    ASSERT_TRUE(mode->sync(view, verify)) << log.str();
  }
  // A Service "web" at 10.96.0.5:80.
  void serve_web(const std::string& spec, const std::string& endpoints, const std::string& status = "{}") {
    serve(web(spec, status) + slice("web", tcp_port, endpoints));
  }
  static std::string web(const std::string& spec, const std::string& status = "{}") {
    return service("web", "{clusterIP: 10.96.0.5, ports: [{name: p, port: 80, nodePort: 30080}], " + spec + "}",
                   status);
  }
  std::string connect(const base::FileDescriptor& from, const std::string& address = "10.96.0.5",
                      std::uint16_t port = 80) {
    return cluster->connect(from, address, port);
  }
  // What is expected not to come to a pod shows only by waiting.
  std::string connect_in_vain(const base::FileDescriptor& from, const std::string& address, std::uint16_t port) {
    return cluster->connect(from, address, port, long_enough_for_a_packet);
  }

  std::optional<SmallCluster> cluster;
  Options options;
  std::ostringstream log;
  std::optional<IptablesMode> mode;
};

TEST_F(Packets, ToAClusterIpReachAnEndpoint) {
  serve_web("type: ClusterIP", one_local);
  EXPECT_EQ(connect(cluster->pod(2)), "10.244.1.2 sees 10.244.2.2") << "a pod keeps its address";
  EXPECT_THAT(connect(cluster->node()), HasSubstr("10.244.1.2 sees 10.244.1.1"));
  EXPECT_EQ(connect(cluster->client()), "10.244.1.2 sees 10.244.1.1") << "the answer has to come back by this node";
}

TEST_F(Packets, OfAPodThatReachesItselfComeFromTheNode) {
  serve_web("type: ClusterIP", one_local);
  EXPECT_EQ(connect(cluster->pod(1)), "10.244.1.2 sees 10.244.1.1");
}

TEST_F(Packets, AreSharedEqually) {
  serve_web("type: ClusterIP", three);
  std::map<std::string, int> answers;
  for (int i = 0; i < 90; ++i) ++answers[cluster->server_of(cluster->client(), "10.96.0.5", 80)];
  // 30 each; less than 9 is 4.7 standard deviations away.
  EXPECT_THAT(answers, ElementsAre(Pair("10.244.1.2", Ge(9)), Pair("10.244.2.2", Ge(9)), Pair("10.244.3.2", Ge(9))));
}

TEST_F(Packets, OfOneClientStayWithOneEndpoint) {
  serve_web("sessionAffinity: ClientIP", three);
  std::string first = cluster->server_of(cluster->client(), "10.96.0.5", 80);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster->server_of(cluster->client(), "10.96.0.5", 80), first);
}

TEST_F(Packets, AreRefusedWhereThereIsNoEndpoint) {
  serve(web("type: NodePort"));
  EXPECT_EQ(connect(cluster->client()), "refused");
  EXPECT_EQ(connect(cluster->pod(2)), "refused");
  EXPECT_EQ(connect(cluster->node()), "refused");
  EXPECT_EQ(connect(cluster->client(), "192.168.113.11", 30080), "refused");
}

TEST_F(Packets, OfInternalPolicyLocalReachLocalEndpointsAlone) {
  serve_web("internalTrafficPolicy: Local", one_of_each);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(cluster->server_of(cluster->pod(3), "10.96.0.5", 80), "10.244.1.2");
  serve_web("internalTrafficPolicy: Local", one_remote);
  EXPECT_EQ(connect_in_vain(cluster->pod(3), "10.96.0.5", 80), "nothing");
}

TEST_F(Packets, ToANodePortReachAnyEndpointFromTheNodesAddress) {
  serve_web("type: NodePort", one_remote);
  EXPECT_EQ(connect(cluster->client(), "192.168.113.11", 30080), "10.244.2.2 sees 10.244.2.1");
  EXPECT_EQ(connect(cluster->node(), "192.168.113.11", 30080), "10.244.2.2 sees 10.244.2.1");
}

TEST_F(Packets, ToANodePortOfPolicyLocalKeepTheirSource) {
  serve_web("type: NodePort, externalTrafficPolicy: Local", one_of_each);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(connect(cluster->client(), "192.168.113.11", 30080), "10.244.1.2 sees 192.168.113.2");
  }
  serve_web("type: NodePort, externalTrafficPolicy: Local", one_remote);
  EXPECT_EQ(connect_in_vain(cluster->client(), "192.168.113.11", 30080), "nothing");
  EXPECT_EQ(connect(cluster->pod(3), "192.168.113.11", 30080), "10.244.2.2 sees 10.244.3.2") << "a pod is inside";
  EXPECT_EQ(connect(cluster->node(), "192.168.113.11", 30080), "10.244.2.2 sees 10.244.2.1") << "and the node, too";
}

TEST_F(Packets, ToANodePortReachItOnTheAddressesThatServeIt) {
  options.node_port_addresses = {prefix("10.244.0.0/16")};
  mode.emplace(options, log);
  serve_web("type: NodePort", one_remote);
  EXPECT_EQ(connect(cluster->client(), "192.168.113.11", 30080), "refused") << "by the node, where nobody listens";
  EXPECT_EQ(connect(cluster->client(), "10.244.1.1", 30080), "10.244.2.2 sees 10.244.2.1");
}

TEST_F(Packets, ToANodePortReachItOnLoopback) {
  serve_web("type: NodePort", one_remote);
  EXPECT_EQ(connect(cluster->node(), "127.0.0.1", 30080), "10.244.2.2 sees 10.244.2.1");
  options.localhost_node_ports = false;
  mode.emplace(options, log);
  serve_web("type: NodePort", one_remote);
  EXPECT_EQ(connect(cluster->node(), "127.0.0.1", 30080), "refused");
}

// route_localnet alone would let a neighbour reach what listens on 127.0.0.1.
TEST_F(Packets, OfNeighboursDoNotReachLoopback) {
  serve_web("type: NodePort", one_remote);
  base::FileDescriptor listener = make_socket(cluster->node(), SOCK_STREAM);
  bind_to(listener, "127.0.0.1", 9999);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  // The client's own loopback is down: nothing keeps it from sending such packets.
  netlink::in_namespace(cluster->client(), [] { netlink::write_sysctl("net.ipv4.conf.all.route_localnet", "1"); });
  EXPECT_EQ(connect_in_vain(cluster->client(), "127.0.0.1", 9999), "nothing");
  netfilter::Iptables::choose(netfilter::Iptables::Family::ipv4, {}, "KUBE-")
      .restore("*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n");
  EXPECT_EQ(connect_in_vain(cluster->client(), "127.0.0.1", 9999), "connected to somebody else")
      << "without the rule it does";
}

TEST_F(Packets, ToALoadBalancersAddressComeFromItsSourceRanges) {
  const char* const status = "{loadBalancer: {ingress: [{ip: 198.51.100.5}]}}";
  serve_web("type: LoadBalancer, loadBalancerSourceRanges: [192.168.113.0/24]", one_remote, status);
  EXPECT_EQ(connect(cluster->client(), "198.51.100.5", 80), "10.244.2.2 sees 10.244.2.1");
  serve_web("type: LoadBalancer, loadBalancerSourceRanges: [172.16.0.0/12]", one_remote, status);
  EXPECT_EQ(connect_in_vain(cluster->client(), "198.51.100.5", 80), "nothing");
  EXPECT_EQ(connect(cluster->client(), "192.168.113.11", 30080), "10.244.2.2 sees 10.244.2.1") << "not for node ports";
}

TEST_F(Packets, ToAnExternalIpReachAnEndpoint) {
  serve_web("externalIPs: [203.0.113.5]", one_remote);
  EXPECT_EQ(connect(cluster->client(), "203.0.113.5", 80), "10.244.2.2 sees 10.244.2.1");
}

// A connection by UDP has no end: without help, a client that goes on sending stays with an endpoint that is gone.
TEST_F(Packets, OfUdpFollowTheEndpoints) {
  const std::string dns = service("dns", "{clusterIP: 10.96.0.10, ports: [{name: p, port: 53, protocol: UDP}]}");
  serve(dns + slice("dns", udp_port, one_local));
  base::FileDescriptor socket = make_socket(cluster->client(), SOCK_DGRAM);
  EXPECT_EQ(cluster->send(socket, "10.96.0.10", 53), "10.244.1.2 sees 10.244.1.1");
  serve(dns + slice("dns", udp_port, one_remote));
  EXPECT_EQ(cluster->send(socket, "10.96.0.10", 53), "10.244.2.2 sees 10.244.2.1");
  EXPECT_THAT(log.str(), HasSubstr("deleted 1 stale UDP connections"));
}

TEST_F(Packets, OfUdpToLoopbackFollowTheEndpoints) {
  const std::string dns =
      service("dns",
              "{type: NodePort, clusterIP: 10.96.0.10, ports: [{name: p, port: 53, protocol: UDP, nodePort: "
              "30053}]}");
  serve(dns + slice("dns", udp_port, one_local));
  base::FileDescriptor socket = make_socket(cluster->node(), SOCK_DGRAM);
  EXPECT_EQ(cluster->send(socket, "127.0.0.1", 30053), "10.244.1.2 sees 10.244.1.1");
  serve(dns + slice("dns", udp_port, one_remote));
  EXPECT_EQ(cluster->send(socket, "127.0.0.1", 30053), "10.244.2.2 sees 10.244.2.1");
}

TEST_F(Packets, ReachAServiceAgainAfterSomebodyFlushedTheTables) {
  serve_web("type: ClusterIP", one_local);
  netfilter::Iptables::choose(netfilter::Iptables::Family::ipv4, {}, "KUBE-")
      .restore("*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\nCOMMIT\n");
  EXPECT_EQ(connect_in_vain(cluster->pod(2), "10.96.0.5", 80), "nothing");
  serve(web("type: ClusterIP") + slice("web", tcp_port, one_local), true);
  EXPECT_EQ(connect(cluster->pod(2)), "10.244.1.2 sees 10.244.2.2");
}

// The same rules by ip6tables.
class Packets6 : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    Flags flags;
    flags.proxy_mode = "iptables";
    flags.cluster_cidr = "fd00:244::/32";
    try {
      cluster.emplace(Family::ipv6);
      mode.emplace(parse_options(flags), log);
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  void serve_web(const std::string& endpoints) {
    ClusterView view;
    view.ports[Family::ipv6] = Objects(service("web",
                                               "{type: NodePort, clusterIP: 'fd00:96::5', sessionAffinity: "
                                               "ClientIP, ports: [{name: p, port: 80, nodePort: 30080}]}") +
                                       slice("web", tcp_port, endpoints, "web", "IPv6"))
                                   .ports(Family::ipv6);
    view.node_ips = {ip("fd00:113::11")};
    ASSERT_TRUE(mode->sync(view, false)) << log.str();
  }

  std::optional<SmallCluster> cluster;
  std::ostringstream log;
  std::optional<IptablesMode> mode;
};

TEST_F(Packets6, ReachAnEndpoint) {
  serve_web("[{addresses: ['fd00:244:1::2'], nodeName: n1}]");
  EXPECT_EQ(cluster->connect(cluster->pod(2), "fd00:96::5", 80), "fd00:244:1::2 sees fd00:244:2::2");
  EXPECT_EQ(cluster->connect(cluster->pod(1), "fd00:96::5", 80), "fd00:244:1::2 sees fd00:244:1::1") << "itself";
  EXPECT_EQ(cluster->connect(cluster->client(), "fd00:96::5", 80), "fd00:244:1::2 sees fd00:244:1::1");
  EXPECT_EQ(cluster->connect(cluster->node(), "fd00:96::5", 80), "fd00:244:1::2 sees fd00:244:1::1");
  EXPECT_EQ(cluster->connect(cluster->client(), "fd00:113::11", 30080), "fd00:244:1::2 sees fd00:244:1::1");
}

TEST_F(Packets6, OfOneClientStayWithOneEndpoint) {
  serve_web("[{addresses: ['fd00:244:1::2']}, {addresses: ['fd00:244:2::2']}, {addresses: ['fd00:244:3::2']}]");
  std::string first = cluster->server_of(cluster->client(), "fd00:96::5", 80);
  EXPECT_THAT(first, HasSubstr("fd00:244:"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster->server_of(cluster->client(), "fd00:96::5", 80), first);
}

TEST_F(Packets6, AreRefusedWhereThereIsNoEndpoint) {
  serve_web("[]");
  EXPECT_EQ(cluster->connect(cluster->client(), "fd00:96::5", 80), "refused");
  EXPECT_EQ(cluster->connect(cluster->client(), "fd00:113::11", 30080), "refused");
}

}  // namespace
}  // namespace proxy::iptables
