#include "agents/proxy/ipvs/desired.h"

#include "agents/proxy/ipvs/sets.h"
#include "lib/base/error.h"
#include "tests/unit/agents/proxy/objects.h"

namespace proxy::ipvs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const char* const http = "[{name: http, port: 8080, protocol: TCP}]";
// One on this node, one on another.
const char* const two_endpoints = "[{addresses: [10.244.1.2], nodeName: n1}, {addresses: [10.244.2.2], nodeName: n2}]";
const char* const remote_endpoint = "[{addresses: [10.244.2.2], nodeName: n2}]";

class DesiredState : public testing::Test {
 protected:
  DesiredState() {
    settings.cluster_cidr = prefix("10.244.0.0/16");
    node.ip = ip("192.168.113.11");
    node.addresses = {ip("10.244.1.1"), ip("192.168.113.11")};
  }

  State state(const std::string& manifests) const {
    return desired_state(Objects(manifests).ports(settings.family), node, settings);
  }

  static std::vector<std::string> entries(const State& state, const SetKind& kind) {
    std::vector<std::string> result;
    for (const SetContents& set : state.sets) {
      if (set.definition.name != set_name(kind, state.family)) continue;
      for (const auto& [entry, owners] : set.entries) result.push_back(entry);
    }
    return result;
  }
  static std::vector<std::string> keys(const State& state) {
    std::vector<std::string> result;
    for (const auto& [key, server] : state.servers) result.push_back(key.to_string());
    return result;
  }
  static const VirtualServer& server(const State& state, const std::string& key) {
    for (const auto& [its_key, server] : state.servers) {
      if (its_key.to_string() == key) return server;
    }
    throw base::Error("no virtual server " + key);
  }
  static std::vector<std::string> backends(const State& state, const std::string& key) {
    std::vector<std::string> result;
    for (const Backend& backend : server(state, key).backends) result.push_back(to_string(backend));
    return result;
  }
  static std::vector<std::string> bound(const State& state) {
    std::vector<std::string> result;
    for (const auto& [address, owners] : state.addresses) result.push_back(address.to_string());
    return result;
  }
  static std::vector<std::string> chain(const State& state, const std::string& table, const std::string& name) {
    for (const Chain& chain : state.rules.at(table).chains) {
      if (chain.name == name) return chain.rules;
    }
    throw base::Error("no chain " + name);
  }

  Settings settings;
  NodeView node;
};

TEST_F(DesiredState, OfAClusterIp) {
  State result = state(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]}") +
                       slice("web", http, two_endpoints));
  EXPECT_THAT(keys(result), ElementsAre("tcp 10.96.0.5:80"));
  EXPECT_THAT(backends(result, "tcp 10.96.0.5:80"), ElementsAre("10.244.1.2:8080", "10.244.2.2:8080"));
  EXPECT_EQ(server(result, "tcp 10.96.0.5:80").owner, "default/web:http");
  EXPECT_EQ(server(result, "tcp 10.96.0.5:80").service.scheduler, "rr");
  EXPECT_THAT(entries(result, sets::cluster_ip), ElementsAre("10.96.0.5,tcp:80"));
  EXPECT_THAT(entries(result, sets::loop_back), ElementsAre("10.244.1.2,tcp:8080,10.244.1.2"))
      << "the endpoint of this node alone";
  EXPECT_THAT(entries(result, sets::ipvs_ips), ElementsAre("10.96.0.5"));
  EXPECT_THAT(bound(result), ElementsAre("10.96.0.5"));
}

TEST_F(DesiredState, AServiceWithoutEndpointsHasAServerWithoutDestinations) {
  State result = state(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]}"));
  EXPECT_THAT(backends(result, "tcp 10.96.0.5:80"), IsEmpty());
  EXPECT_THAT(bound(result), ElementsAre("10.96.0.5"));
}

TEST_F(DesiredState, OfANodePortHasAServerOnEachAddressOfTheNode) {
  State result =
      state(service("web", "{type: NodePort, clusterIP: 10.96.0.5, ports: [{name: http, port: 80, nodePort: 30080}]}") +
            slice("web", http, two_endpoints));
  EXPECT_THAT(keys(result),
              UnorderedElementsAre("tcp 10.96.0.5:80", "tcp 10.244.1.1:30080", "tcp 192.168.113.11:30080"));
  EXPECT_THAT(entries(result, sets::node_port_tcp), ElementsAre("30080"));
  EXPECT_THAT(entries(result, sets::node_port_local_tcp), IsEmpty());
  EXPECT_THAT(bound(result), ElementsAre("10.96.0.5")) << "the node's own addresses are not bound again";
}

TEST_F(DesiredState, NodePortsMayBeRestrictedToSomeAddresses) {
  settings.node_port_addresses = {prefix("192.168.0.0/16")};
  State result = state(service("web", "{type: NodePort, clusterIP: 10.96.0.5, ports: [{port: 80, nodePort: 30080}]}"));
  EXPECT_THAT(keys(result), UnorderedElementsAre("tcp 10.96.0.5:80", "tcp 192.168.113.11:30080"));
  settings.node_port_addresses = {prefix("172.16.0.0/12")};
  result = state(service("web", "{type: NodePort, clusterIP: 10.96.0.5, ports: [{port: 80, nodePort: 30080}]}"));
  EXPECT_THAT(keys(result), ElementsAre("tcp 10.96.0.5:80"));
  EXPECT_THAT(entries(result, sets::node_port_tcp), IsEmpty());
}

TEST_F(DesiredState, EachProtocolHasItsOwnNodePortSet) {
  State result = state(service("udp",
                               "{type: NodePort, clusterIP: 10.96.0.6, ports: [{port: 53, protocol: UDP, "
                               "nodePort: 30053}]}") +
                       service("sctp",
                               "{type: NodePort, clusterIP: 10.96.0.7, externalTrafficPolicy: Local, ports: "
                               "[{port: 90, protocol: SCTP, nodePort: 30090}]}"));
  EXPECT_THAT(entries(result, sets::node_port_udp), ElementsAre("30053"));
  EXPECT_THAT(entries(result, sets::node_port_sctp), ElementsAre("10.244.1.1,sctp:30090", "192.168.113.11,sctp:30090"));
  EXPECT_THAT(entries(result, sets::node_port_local_sctp),
              ElementsAre("10.244.1.1,sctp:30090", "192.168.113.11,sctp:30090"));
  EXPECT_THAT(entries(result, sets::node_port_tcp), IsEmpty());
  EXPECT_THAT(keys(result), testing::Contains("udp 192.168.113.11:30053"));
  EXPECT_THAT(keys(result), testing::Contains("sctp 192.168.113.11:30090"));
}

TEST_F(DesiredState, ExternalIpsAreBoundUnlessTheNodeHasThem) {
  State result = state(service(
      "web", "{clusterIP: 10.96.0.5, externalIPs: [203.0.113.1, 192.168.113.11], ports: [{name: http, port: 80}]}"));
  EXPECT_THAT(entries(result, sets::external_ip), ElementsAre("192.168.113.11,tcp:80", "203.0.113.1,tcp:80"));
  EXPECT_THAT(entries(result, sets::external_ip_local), IsEmpty());
  EXPECT_THAT(keys(result), UnorderedElementsAre("tcp 10.96.0.5:80", "tcp 203.0.113.1:80", "tcp 192.168.113.11:80"));
  EXPECT_THAT(bound(result), ElementsAre("10.96.0.5", "203.0.113.1"));
}

TEST_F(DesiredState, LoadBalancersAdmitTheirSourceRanges) {
  State result =
      state(service("web",
                    "{type: LoadBalancer, clusterIP: 10.96.0.5, loadBalancerSourceRanges: [10.0.0.0/8, 198.51.100.7],"
                    " ports: [{name: http, port: 80}]}",
                    "{loadBalancer: {ingress: [{ip: 203.0.113.9}]}}"));
  EXPECT_THAT(entries(result, sets::load_balancer), ElementsAre("203.0.113.9,tcp:80"));
  EXPECT_THAT(entries(result, sets::load_balancer_firewall), ElementsAre("203.0.113.9,tcp:80"));
  EXPECT_THAT(entries(result, sets::load_balancer_source_cidr),
              ElementsAre("203.0.113.9,tcp:80,10.0.0.0/8", "203.0.113.9,tcp:80,198.51.100.7"));
  EXPECT_THAT(entries(result, sets::load_balancer_source_ip), IsEmpty());
  EXPECT_THAT(bound(result), ElementsAre("10.96.0.5", "203.0.113.9"));
  // The node is in no range: kubernetes#119656.
  EXPECT_THAT(chain(result, "filter", "KUBE-IPVS-OUT-FILTER"),
              ElementsAre("-s 203.0.113.9/32 -m ipvs --vproto 6 --vaddr 203.0.113.9 --vport 80 -j DROP"));
}

TEST_F(DesiredState, ASourceRangeWithTheNodeAdmitsTheNode) {
  State result = state(service("web",
                               "{type: LoadBalancer, clusterIP: 10.96.0.5, loadBalancerSourceRanges: [192.168.0.0/16],"
                               " ports: [{name: http, port: 80}]}",
                               "{loadBalancer: {ingress: [{ip: 203.0.113.9}]}}"));
  EXPECT_THAT(entries(result, sets::load_balancer_source_ip), ElementsAre("203.0.113.9,tcp:80,203.0.113.9"));
  EXPECT_THAT(chain(result, "filter", "KUBE-IPVS-OUT-FILTER"), IsEmpty());
}

TEST_F(DesiredState, ALoadBalancerWhoseRangesCannotBeReadAdmitsNobody) {
  State result = state(service("web",
                               "{type: LoadBalancer, clusterIP: 10.96.0.5, loadBalancerSourceRanges: [everybody],"
                               " ports: [{name: http, port: 80}]}",
                               "{loadBalancer: {ingress: [{ip: 203.0.113.9}]}}"));
  EXPECT_THAT(entries(result, sets::load_balancer_firewall), ElementsAre("203.0.113.9,tcp:80"));
  EXPECT_THAT(entries(result, sets::load_balancer_source_cidr), IsEmpty());
}

TEST_F(DesiredState, ALoadBalancerWithoutRangesHasNoFirewall) {
  State result = state(service("web", "{type: LoadBalancer, clusterIP: 10.96.0.5, ports: [{port: 80}]}",
                               "{loadBalancer: {ingress: [{ip: 203.0.113.9}]}}"));
  EXPECT_THAT(entries(result, sets::load_balancer_firewall), IsEmpty());
  EXPECT_THAT(chain(result, "filter", "KUBE-PROXY-FIREWALL"), IsEmpty());
}

TEST_F(DesiredState, ExternalPolicyLocalKeepsTheClientsAddressAndTheTrafficHere) {
  State result = state(service("web",
                               "{type: LoadBalancer, clusterIP: 10.96.0.5, externalTrafficPolicy: Local,"
                               " externalIPs: [203.0.113.1], healthCheckNodePort: 31000,"
                               " ports: [{name: http, port: 80, nodePort: 30080}]}",
                               "{loadBalancer: {ingress: [{ip: 203.0.113.9}]}}") +
                       slice("web", http, two_endpoints));
  for (const char* key : {"tcp 203.0.113.1:80", "tcp 203.0.113.9:80", "tcp 192.168.113.11:30080"}) {
    EXPECT_THAT(backends(result, key), ElementsAre("10.244.1.2:8080")) << key;
  }
  EXPECT_EQ(backends(result, "tcp 10.96.0.5:80").size(), 2U) << "inside the cluster the policy does not count";
  EXPECT_THAT(entries(result, sets::external_ip_local), ElementsAre("203.0.113.1,tcp:80"));
  EXPECT_THAT(entries(result, sets::external_ip), IsEmpty());
  EXPECT_THAT(entries(result, sets::load_balancer_local), ElementsAre("203.0.113.9,tcp:80"));
  EXPECT_THAT(entries(result, sets::load_balancer), ElementsAre("203.0.113.9,tcp:80"));
  EXPECT_THAT(entries(result, sets::node_port_local_tcp), ElementsAre("30080"));
  EXPECT_THAT(entries(result, sets::node_port_tcp), ElementsAre("30080"));
  EXPECT_THAT(entries(result, sets::health_check_node_port), ElementsAre("31000"));
}

// kubernetes#97081
TEST_F(DesiredState, ExternalPolicyLocalWithoutALocalEndpointGoesToAnyInThisMode) {
  State result = state(service("web",
                               "{type: NodePort, clusterIP: 10.96.0.5, externalTrafficPolicy: Local,"
                               " ports: [{name: http, port: 80, nodePort: 30080}]}") +
                       slice("web", http, remote_endpoint));
  EXPECT_THAT(backends(result, "tcp 192.168.113.11:30080"), ElementsAre("10.244.2.2:8080"));
}

TEST_F(DesiredState, InternalPolicyLocalKeepsTheTrafficHere) {
  std::string local = "{clusterIP: 10.96.0.5, internalTrafficPolicy: Local, ports: [{name: http, port: 80}]}";
  State result = state(service("web", local) + slice("web", http, two_endpoints));
  EXPECT_THAT(backends(result, "tcp 10.96.0.5:80"), ElementsAre("10.244.1.2:8080"));
  result = state(service("web", local) + slice("web", http, remote_endpoint));
  EXPECT_THAT(backends(result, "tcp 10.96.0.5:80"), IsEmpty()) << "nothing to fall back to: not reached from outside";
}

TEST_F(DesiredState, ClientIpAffinityIsPersistence) {
  State result =
      state(service("web",
                    "{type: NodePort, clusterIP: 10.96.0.5, sessionAffinity: ClientIP, sessionAffinityConfig:"
                    " {clientIP: {timeoutSeconds: 600}}, ports: [{port: 80, nodePort: 30080}]}"));
  for (const auto& [key, server] : result.servers) {
    EXPECT_EQ(server.service.flags, netfilter::service_flags::persistent) << key.to_string();
    EXPECT_EQ(server.service.persistence_seconds, 600U) << key.to_string();
  }
}

TEST_F(DesiredState, TheSchedulerIsTheOneAskedForAndMaglevHashesPortsToo) {
  std::string web = service("web", "{clusterIP: 10.96.0.5, ports: [{port: 80}]}");
  settings.scheduler = "wlc";
  EXPECT_EQ(server(state(web), "tcp 10.96.0.5:80").service.scheduler, "wlc");
  EXPECT_EQ(server(state(web), "tcp 10.96.0.5:80").service.flags, 0U);
  settings.scheduler = "mh";
  EXPECT_EQ(server(state(web), "tcp 10.96.0.5:80").service.flags, netfilter::service_flags::scheduler_2);
}

TEST_F(DesiredState, TwoServicesThatClaimOneAddressDoNotFight) {
  std::string claims = "externalIPs: [203.0.113.1], ports: [{name: http, port: 80}]}";
  State result =
      state(service("a", "{clusterIP: 10.96.0.5, " + claims) + slice("a", http, "[{addresses: [10.244.1.2]}]") +
            service("b", "{clusterIP: 10.96.0.6, " + claims) + slice("b", http, "[{addresses: [10.244.1.3]}]"));
  EXPECT_EQ(server(result, "tcp 203.0.113.1:80").owner, "default/a:http");
  EXPECT_THAT(backends(result, "tcp 203.0.113.1:80"), ElementsAre("10.244.1.2:8080"));
  EXPECT_EQ(result.addresses.at(ip("203.0.113.1")), "default/a:http, default/b:http");
}

TEST_F(DesiredState, EverythingNamesItsOwner) {
  State result = state(service("web",
                               "{type: NodePort, clusterIP: 10.96.0.5, ports: [{name: http, port: 80, nodePort: 30080},"
                               " {name: admin, port: 81, nodePort: 30081}]}") +
                       slice("web", http, two_endpoints));
  EXPECT_EQ(result.addresses.at(ip("10.96.0.5")), "default/web:http, default/web:admin");
  for (const auto& [key, server] : result.servers) EXPECT_THAT(server.owner, HasSubstr("default/web:"));
  for (const SetContents& set : result.sets) {
    for (const auto& [entry, owners] : set.entries) EXPECT_THAT(owners, HasSubstr("default/web:")) << entry;
  }
}

TEST_F(DesiredState, SetsTheSettingsThatIpvsNeeds) {
  EXPECT_EQ(state("").sysctls, (std::map<std::string, std::string>{{"net.ipv4.ip_forward", "1"},
                                                                   {"net.ipv4.vs.conntrack", "1"},
                                                                   {"net.ipv4.vs.expire_nodest_conn", "1"},
                                                                   {"net.ipv4.vs.expire_quiescent_template", "1"}}));
  settings.strict_arp = true;
  EXPECT_EQ(state("").sysctls.at("net.ipv4.conf.all.arp_ignore"), "1");
  EXPECT_EQ(state("").sysctls.at("net.ipv4.conf.all.arp_announce"), "2");
}

// kubernetes#70747, kubernetes#93297
TEST(ConnectionReuse, IsDisabledOnTheKernelsThatGetItWrong) {
  EXPECT_FALSE(needs_connection_reuse_disabled("3.10.0-1160.el7"));
  EXPECT_FALSE(needs_connection_reuse_disabled("4.0.9"));
  EXPECT_TRUE(needs_connection_reuse_disabled("4.1.0"));
  EXPECT_TRUE(needs_connection_reuse_disabled("5.4.0-42-generic"));
  EXPECT_FALSE(needs_connection_reuse_disabled("5.9.0"));
  EXPECT_FALSE(needs_connection_reuse_disabled("5.10.0"));
  EXPECT_FALSE(needs_connection_reuse_disabled("6.1.176"));
}

TEST(SetNames, OfIpv6AreMarkedAndCutToWhatTheKernelHolds) {
  EXPECT_EQ(set_name(sets::cluster_ip, Family::ipv4), "KUBE-CLUSTER-IP");
  EXPECT_EQ(set_name(sets::cluster_ip, Family::ipv6), "KUBE-6-CLUSTER-IP");
  EXPECT_EQ(set_name(sets::load_balancer_source_cidr, Family::ipv6), "KUBE-6-LOAD-BALANCER-SOURCE-CID");
  std::set<std::string> names;
  for (const SetKind* kind : sets::all) {
    for (Family family : {Family::ipv4, Family::ipv6}) names.insert(set_name(*kind, family));
  }
  EXPECT_EQ(names.size(), 2 * sets::all.size());
}

TEST_F(DesiredState, OfIpv6UsesItsOwnSetsAndAddresses) {
  settings.family = Family::ipv6;
  settings.cluster_cidr = prefix("fd00:244::/56");
  node.addresses = {ip("fd00:113::11")};
  State result = state(service("web",
                               "{type: NodePort, clusterIP: 10.96.0.5, clusterIPs: [10.96.0.5, 'fd00:96::5'],"
                               " ports: [{name: http, port: 80, nodePort: 30080}]}") +
                       slice("web", http, "[{addresses: ['fd00:244::2'], nodeName: n1}]", "web-6", "IPv6"));
  EXPECT_THAT(keys(result), UnorderedElementsAre("tcp [fd00:96::5]:80", "tcp [fd00:113::11]:30080"));
  EXPECT_THAT(entries(result, sets::cluster_ip), ElementsAre("fd00:96::5,tcp:80"));
  EXPECT_THAT(entries(result, sets::loop_back), ElementsAre("fd00:244::2,tcp:8080,fd00:244::2"));
  std::vector<std::string> services = chain(result, "nat", "KUBE-SERVICES");
  EXPECT_EQ(services.at(0), "-s ::1/128 -j RETURN");
  EXPECT_THAT(services.at(1), HasSubstr("! -s fd00:244::/56 "));
  EXPECT_THAT(services.at(1), HasSubstr("KUBE-6-CLUSTER-IP"));
  EXPECT_THAT(chain(result, "filter", "KUBE-IPVS-FILTER").back(), HasSubstr("icmp6-port-unreachable"));
}

}  // namespace
}  // namespace proxy::ipvs
