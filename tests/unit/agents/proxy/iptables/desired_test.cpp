#include "agents/proxy/iptables/desired.h"

#include "agents/proxy/iptables/names.h"
#include "tests/unit/agents/proxy/everything.h"
#include "tests/unit/golden.h"

namespace proxy::iptables {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const char* const http = "[{name: http, port: 8080, protocol: TCP}]";
// One on this node, one on another.
const char* const two_endpoints = "[{addresses: [10.244.1.2], nodeName: n1}, {addresses: [10.244.2.2], nodeName: n2}]";
const char* const remote_endpoint = "[{addresses: [10.244.2.2], nodeName: n2}]";

class DesiredRules : public testing::Test {
 protected:
  DesiredRules() {
    settings.cluster_cidr = prefix("10.244.0.0/16");
    node.ip = ip("192.168.113.11");
    node.addresses = {ip("10.244.1.1"), ip("192.168.113.11")};
  }

  // Makes STATE of these Services, as node n1 has it.
  void make(const std::string& manifests) {
    ports = Objects(manifests).ports(settings.family);
    state = desired_state(ports, node, settings);
  }
  void make_web(const std::string& spec, const std::string& endpoints, const std::string& status = "{}") {
    make(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80, nodePort: 30080}], " + spec + "}",
                 status) +
         slice("web", http, endpoints));
  }

  bool has(const std::string& table, const std::string& chain) const { return find(table, chain) != nullptr; }
  // In the names of chains, the Service's hash is left out: "KUBE-SVC", "KUBE-SEP 10.244.1.2:8080".
  std::vector<std::string> rules(const std::string& table, const std::string& chain) const {
    const Chain* found = find(table, chain);
    if (found == nullptr) return {"no chain " + chain};
    std::vector<std::string> result;
    for (const std::string& rule : found->rules) result.push_back(readable(rule));
    return result;
  }
  std::vector<std::string> nat(const std::string& chain) const { return rules("nat", chain); }
  std::vector<std::string> filter(const std::string& chain) const { return rules("filter", chain); }

  Settings settings;
  NodeView node;
  std::vector<ServicePort> ports;
  State state;

 private:
  std::string readable(std::string name) const {
    for (const ServicePort& port : ports) {
      for (const Endpoint& endpoint : port.endpoints) {
        replace(name, endpoint_chain(port, endpoint), "KUBE-SEP " + place(endpoint));
      }
      replace(name, cluster_chain(port), "KUBE-SVC");
      replace(name, local_chain(port), "KUBE-SVL");
      replace(name, external_chain(port), "KUBE-EXT");
      replace(name, firewall_chain(port), "KUBE-FW");
    }
    return name;
  }
  static void replace(std::string& text, const std::string& what, const std::string& by) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what)) text.replace(at, what.size(), by);
  }
  const Chain* find(const std::string& table, const std::string& name) const {
    for (const Chain& chain : state.rules.at(table).chains) {
      if (readable(chain.name) == name) return &chain;
    }
    return nullptr;
  }
};

TEST_F(DesiredRules, LeadFromTheClusterIpToOneOfTheEndpoints) {
  make(service("web", "{clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]}") + slice("web", http, two_endpoints));
  EXPECT_EQ(
      nat("KUBE-SERVICES").front(),
      "-d 10.96.0.5/32 -p tcp -m comment --comment \"default/web:http cluster IP\" -m tcp --dport 80 -j KUBE-SVC");
  EXPECT_THAT(
      nat("KUBE-SVC"),
      ElementsAre(
          "! -s 10.244.0.0/16 -d 10.96.0.5/32 -p tcp -m comment --comment \"default/web:http cluster IP\" -m tcp "
          "--dport 80 -j KUBE-MARK-MASQ",
          "-m comment --comment \"default/web:http -> 10.244.1.2:8080\" -m statistic --mode random --probability "
          "0.50000000000 -j KUBE-SEP 10.244.1.2:8080",
          "-m comment --comment \"default/web:http -> 10.244.2.2:8080\" -j KUBE-SEP 10.244.2.2:8080"));
  EXPECT_THAT(nat("KUBE-SEP 10.244.2.2:8080"),
              ElementsAre("-s 10.244.2.2/32 -m comment --comment \"default/web:http\" -j KUBE-MARK-MASQ",
                          "-p tcp -m comment --comment \"default/web:http\" -m tcp -j DNAT --to-destination "
                          "10.244.2.2:8080"));
  for (const char* chain : {"KUBE-SVL", "KUBE-EXT", "KUBE-FW"}) EXPECT_FALSE(has("nat", chain)) << chain;
  EXPECT_THAT(filter("KUBE-SERVICES"), IsEmpty());
  EXPECT_EQ(state.rules["nat"].chains.back().owner, "default/web:http");
}

TEST_F(DesiredRules, GiveEachEndpointTheSameChance) {
  make_web("type: ClusterIP", "[{addresses: [10.244.1.1]}, {addresses: [10.244.1.2]}, {addresses: [10.244.1.3]}]");
  std::vector<std::string> rules = nat("KUBE-SVC");
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_THAT(rules[1], HasSubstr("--probability 0.33333333349 -j KUBE-SEP 10.244.1.1:8080"));
  EXPECT_THAT(rules[2], HasSubstr("--probability 0.50000000000 -j KUBE-SEP 10.244.1.2:8080"));
  EXPECT_THAT(rules[3], AllOf(Not(HasSubstr("statistic")), EndsWith("-j KUBE-SEP 10.244.1.3:8080")));
}

TEST_F(DesiredRules, BringAClientBackToItsEndpoint) {
  make_web("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}", two_endpoints);
  std::vector<std::string> rules = nat("KUBE-SVC");
  ASSERT_EQ(rules.size(), 5U);
  for (size_t i : {1U, 2U}) {
    std::string place = i == 1 ? "10.244.1.2:8080" : "10.244.2.2:8080";
    EXPECT_EQ(rules[i], "-m comment --comment \"default/web:http -> " + place +
                            "\" -m recent --rcheck --seconds 600 --reap --name KUBE-SEP " + place +
                            " --mask 255.255.255.255 --rsource -j KUBE-SEP " + place);
  }
  EXPECT_THAT(rules[3], HasSubstr("--probability 0.5"));
  EXPECT_EQ(nat("KUBE-SEP 10.244.1.2:8080").back(),
            "-p tcp -m comment --comment \"default/web:http\" -m recent --set --name KUBE-SEP 10.244.1.2:8080 --mask "
            "255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.244.1.2:8080");
}

TEST_F(DesiredRules, RefuseWhatNobodyAnswers) {
  make(service("web",
               "{type: LoadBalancer, clusterIP: 10.96.0.5, externalIPs: [203.0.113.5], loadBalancerSourceRanges: "
               "[192.168.0.0/16], ports: [{port: 80, nodePort: 30080}]}",
               "{loadBalancer: {ingress: [{ip: 198.51.100.5}]}}"));
  const std::string web = "-m comment --comment \"default/web has no endpoints\" ";
  const std::string reject = "-j REJECT --reject-with icmp-port-unreachable";
  EXPECT_THAT(filter("KUBE-SERVICES"), ElementsAre("-d 10.96.0.5/32 -p tcp " + web + "-m tcp --dport 80 " + reject));
  EXPECT_THAT(filter("KUBE-EXTERNAL-SERVICES"),
              ElementsAre("-d 203.0.113.5/32 -p tcp " + web + "-m tcp --dport 80 " + reject,
                          "-d 198.51.100.5/32 -p tcp " + web + "-m tcp --dport 80 " + reject,
                          "-p tcp " + web + "-m addrtype --dst-type LOCAL -m tcp --dport 30080 " + reject));
  EXPECT_THAT(filter("KUBE-PROXY-FIREWALL"), IsEmpty());
  EXPECT_EQ(nat("KUBE-SERVICES").size(), 1U) << "the way to node ports";
  EXPECT_THAT(nat("KUBE-NODEPORTS"), IsEmpty());
}

TEST_F(DesiredRules, WithInternalPolicyLocalLeadToLocalEndpointsOrDrop) {
  make_web("internalTrafficPolicy: Local", two_endpoints);
  EXPECT_THAT(nat("KUBE-SERVICES"), Contains(EndsWith("--dport 80 -j KUBE-SVL")));
  EXPECT_THAT(nat("KUBE-SVL"), ElementsAre(HasSubstr("! -s 10.244.0.0/16 -d 10.96.0.5/32"),
                                           EndsWith("10.244.1.2:8080\" -j KUBE-SEP 10.244.1.2:8080")));
  make_web("internalTrafficPolicy: Local", remote_endpoint);
  EXPECT_THAT(
      filter("KUBE-SERVICES"),
      ElementsAre("-d 10.96.0.5/32 -p tcp -m comment --comment \"default/web:http has no local endpoints\" -m tcp "
                  "--dport 80 -j DROP"));
  EXPECT_FALSE(has("nat", "KUBE-SVL"));
}

TEST_F(DesiredRules, OfAServiceForThisNodeAloneNameNoOtherEndpoint) {
  make(service("web", "{clusterIP: 10.96.0.5, internalTrafficPolicy: Local, ports: [{name: http, port: 80}]}") +
       slice("web", http, two_endpoints));
  EXPECT_FALSE(has("nat", "KUBE-SVC"));
  EXPECT_TRUE(has("nat", "KUBE-SEP 10.244.1.2:8080"));
  EXPECT_FALSE(has("nat", "KUBE-SEP 10.244.2.2:8080"));
}

TEST_F(DesiredRules, OfNodePortsMasqueradeForOtherNodes) {
  make_web("type: NodePort", two_endpoints);
  EXPECT_THAT(nat("KUBE-NODEPORTS"),
              ElementsAre("-p tcp -m comment --comment \"default/web:http\" -m tcp --dport 30080 -j KUBE-EXT"));
  EXPECT_THAT(nat("KUBE-EXT"), ElementsAre("-m comment --comment \"masquerade traffic for default/web:http external "
                                           "destinations\" -j KUBE-MARK-MASQ",
                                           "-j KUBE-SVC"));
}

TEST_F(DesiredRules, WithExternalPolicyLocalKeepTheSourceAndTreatInsidersAsSuch) {
  make_web("type: NodePort, externalTrafficPolicy: Local", two_endpoints);
  EXPECT_THAT(
      nat("KUBE-EXT"),
      ElementsAre("-s 10.244.0.0/16 -m comment --comment \"pod traffic for default/web:http external "
                  "destinations\" -j KUBE-SVC",
                  "-m comment --comment \"masquerade LOCAL traffic for default/web:http external destinations\" "
                  "-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ",
                  "-m comment --comment \"route LOCAL traffic for default/web:http external destinations\" -m "
                  "addrtype --src-type LOCAL -j KUBE-SVC",
                  "-j KUBE-SVL"));
  EXPECT_THAT(nat("KUBE-SVL"), ElementsAre(EndsWith("-j KUBE-SEP 10.244.1.2:8080")));
  EXPECT_THAT(filter("KUBE-EXTERNAL-SERVICES"), IsEmpty());
}

TEST_F(DesiredRules, WithExternalPolicyLocalAndNoLocalEndpointDropWhatComesFromOutside) {
  make_web("type: NodePort, externalTrafficPolicy: Local, externalIPs: [203.0.113.5]", remote_endpoint);
  const std::string web = "-m comment --comment \"default/web:http has no local endpoints\" ";
  EXPECT_THAT(filter("KUBE-EXTERNAL-SERVICES"),
              ElementsAre("-d 203.0.113.5/32 -p tcp " + web + "-m tcp --dport 80 -j DROP",
                          "-p tcp " + web + "-m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP"));
  EXPECT_THAT(nat("KUBE-SERVICES"),
              Contains(HasSubstr("default/web:http external IP\" -m tcp --dport 80 -j KUBE-EXT")));
  EXPECT_THAT(nat("KUBE-EXT").back(), AllOf(HasSubstr("--src-type LOCAL"), EndsWith("-j KUBE-SVC")))
      << "insiders reach the others";
  EXPECT_FALSE(has("nat", "KUBE-SVL"));
}

TEST_F(DesiredRules, MasqueradeByTheOptions) {
  settings.masquerade_all = true;
  make_web("type: ClusterIP", two_endpoints);
  EXPECT_THAT(nat("KUBE-SVC").front(), AllOf(testing::StartsWith("-d 10.96.0.5/32"), EndsWith("-j KUBE-MARK-MASQ")));
  settings.masquerade_all = false;
  settings.cluster_cidr.reset();
  make_web("externalTrafficPolicy: Local, type: NodePort", two_endpoints);
  EXPECT_THAT(nat("KUBE-SVC"), Not(Contains(HasSubstr("KUBE-MARK-MASQ"))));
  EXPECT_THAT(nat("KUBE-EXT"), Not(Contains(HasSubstr("pod traffic"))));
}

TEST_F(DesiredRules, LetOnlySourceRangesUseTheLoadBalancersAddress) {
  const char* const status = "{loadBalancer: {ingress: [{ip: 198.51.100.5}]}}";
  make_web("type: LoadBalancer, loadBalancerSourceRanges: [10.1.2.3/32, 192.168.0.0/16]", two_endpoints, status);
  const std::string web = "-m comment --comment \"default/web:http loadbalancer IP\" ";
  EXPECT_THAT(nat("KUBE-SERVICES"), Contains("-d 198.51.100.5/32 -p tcp " + web + "-m tcp --dport 80 -j KUBE-FW"));
  EXPECT_THAT(nat("KUBE-FW"),
              ElementsAre("-s 10.1.2.3/32 " + web + "-j KUBE-EXT", "-s 192.168.0.0/16 " + web + "-j KUBE-EXT",
                          "-s 198.51.100.5/32 " + web + "-j KUBE-EXT",
                          "-m comment --comment \"other traffic to default/web:http will be dropped by "
                          "KUBE-PROXY-FIREWALL\""));
  EXPECT_THAT(filter("KUBE-PROXY-FIREWALL"),
              ElementsAre("-d 198.51.100.5/32 -p tcp -m comment --comment \"default/web:http traffic not accepted by "
                          "KUBE-FW\" -m tcp --dport 80 -j DROP"));
  node.ip = ip("172.16.0.11");
  make_web("type: LoadBalancer, loadBalancerSourceRanges: [192.168.0.0/16]", two_endpoints, status);
  EXPECT_EQ(nat("KUBE-FW").size(), 2U) << "the node itself is not allowed";
}

TEST_F(DesiredRules, EndWithTheWayToNodePorts) {
  const std::string last =
      "-m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\" ";
  make(everything());
  EXPECT_EQ(nat("KUBE-SERVICES").back(), last + "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
  settings.localhost_node_ports = false;
  make(everything());
  EXPECT_EQ(nat("KUBE-SERVICES").back(), "! -d 127.0.0.0/8 " + last + "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
  settings.family = Family::ipv6;
  make(everything());
  EXPECT_EQ(nat("KUBE-SERVICES").back(), "! -d ::1/128 " + last + "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
}

TEST_F(DesiredRules, ServeNodePortsOnTheAddressesThatAreToServeThem) {
  auto dispatched = [&] {
    make_web("type: NodePort", two_endpoints);
    std::vector<std::string> result = nat("KUBE-SERVICES");
    result.erase(result.begin());  // the cluster IP's
    for (std::string& rule : result) rule = rule.substr(0, rule.find(" -m "));
    return result;
  };
  settings.node_port_addresses = {prefix("192.168.0.0/16")};
  EXPECT_THAT(dispatched(), ElementsAre("-d 192.168.113.11/32"));
  EXPECT_THAT(state.sysctls, IsEmpty());
  settings.node_port_addresses = {prefix("192.168.0.0/16"), prefix("127.0.0.0/8")};
  EXPECT_THAT(dispatched(), ElementsAre("-d 127.0.0.1/32", "-d 192.168.113.11/32"));
  EXPECT_EQ(state.sysctls.size(), 1U);
  settings.node_port_addresses = {prefix("0.0.0.0/0")};
  make_web("type: NodePort", two_endpoints);
  EXPECT_THAT(nat("KUBE-SERVICES").back(), HasSubstr("-m addrtype --dst-type LOCAL"));
}

// Whoever is on the same wire could reach what listens on 127.0.0.1 (kubernetes#90259).
TEST_F(DesiredRules, GuardLoopbackWhereItIsRouted) {
  make("");
  EXPECT_EQ(state.sysctls.at("net.ipv4.conf.all.route_localnet"), "1");
  EXPECT_THAT(
      filter("KUBE-FIREWALL"),
      ElementsAre("! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming localnet connections\" "
                  "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"));
  std::string jumps;
  for (const Jump& jump : state.rules["filter"].jumps) jumps += jump.from + " " + jump.rule() + "\n";
  EXPECT_THAT(jumps, EndsWith("INPUT -j KUBE-FIREWALL\nOUTPUT -j KUBE-FIREWALL\n")) << "in front of all others";
  settings.localhost_node_ports = false;
  make("");
  EXPECT_THAT(state.sysctls, IsEmpty());
  EXPECT_THAT(filter("KUBE-FIREWALL"), IsEmpty());
}

TEST_F(DesiredRules, AcceptHealthChecksOfTheLoadBalancer) {
  make_web("type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 31000", two_endpoints);
  EXPECT_THAT(
      filter("KUBE-NODEPORTS"),
      ElementsAre("-p tcp -m comment --comment \"default/web:http health check node port\" -m tcp --dport 31000 "
                  "-j ACCEPT"));
}

TEST_F(DesiredRules, LeadToEndpointsThatTerminateWhereThereIsNoOther) {
  const char* const terminating =
      "[{addresses: [10.244.1.2], nodeName: n1, conditions: {ready: false, serving: true, terminating: true}}";
  make_web("type: NodePort", std::string(terminating) + "]");
  EXPECT_THAT(nat("KUBE-SVC"), Contains(EndsWith("-j KUBE-SEP 10.244.1.2:8080")));
  make_web("type: NodePort", std::string(terminating) + ", {addresses: [10.244.2.2], nodeName: n2}]");
  EXPECT_THAT(nat("KUBE-SVC"), Not(Contains(HasSubstr("10.244.1.2"))));
  EXPECT_FALSE(has("nat", "KUBE-SEP 10.244.1.2:8080"));
  make_web("type: NodePort, externalTrafficPolicy: Local",
           std::string(terminating) + ", {addresses: [10.244.2.2], nodeName: n2}]");
  EXPECT_THAT(nat("KUBE-SVC"), Not(Contains(HasSubstr("10.244.1.2"))));
  EXPECT_THAT(nat("KUBE-SVL"), ElementsAre(EndsWith("-j KUBE-SEP 10.244.1.2:8080")))
      << "on this node there is no other";
  EXPECT_TRUE(has("nat", "KUBE-SEP 10.244.1.2:8080"));
}

TEST_F(DesiredRules, NameAnEndpointOfBothPoliciesOnce) {
  make_web("type: NodePort, externalTrafficPolicy: Local", two_endpoints);
  std::vector<std::string> names;
  for (const Chain& chain : state.rules["nat"].chains) names.push_back(chain.name);
  EXPECT_EQ(names.size(), std::set<std::string>(names.begin(), names.end()).size());
}

TEST_F(DesiredRules, AreShorterWhereThereAreMany) {
  std::string endpoints;
  for (int i = 0; i < 1001; ++i) {
    endpoints += (i == 0 ? "{addresses: [10.244." : ", {addresses: [10.244.") + std::to_string(i / 250) + "." +
                 std::to_string(i % 250 + 1) + "]}";
  }
  make_web("sessionAffinity: ClientIP", "[" + endpoints + "]");
  std::vector<std::string> rules = nat("KUBE-SVC");
  ASSERT_EQ(rules.size(), 1U + 2 * 1001U);
  EXPECT_THAT(rules[0], HasSubstr("default/web:http cluster IP"));
  EXPECT_THAT(rules[1], Not(HasSubstr("comment")));
  EXPECT_THAT(rules.back(), testing::StartsWith("-j KUBE-SEP"));
  EXPECT_THAT(nat("KUBE-SEP 10.244.0.1:8080"), Not(Contains(HasSubstr("comment"))));
}

TEST_F(DesiredRules, DropWhatBelongsToNoConnection) {
  make("");
  EXPECT_THAT(filter("KUBE-FORWARD"),
              ElementsAre("-m conntrack --ctstate INVALID -j DROP",
                          "-m comment --comment \"kubernetes forwarding rules\" -m mark --mark 0x4000/0x4000 -j ACCEPT",
                          "-m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack --ctstate "
                          "RELATED,ESTABLISHED -j ACCEPT"));
  settings.drop_invalid = false;
  make("");
  EXPECT_EQ(filter("KUBE-FORWARD").size(), 2U);
}

// The whole text, for readers: hashes, order of chains, jumps.
TEST_F(DesiredRules, OfServicesOfEveryKind) {
  const std::string folder = SOURCE_DIR "/tests/unit/agents/proxy/iptables/";
  make(everything() +
       service("nobody", "{clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9, 'fd00:96::9'], ports: [{port: 80}]}") +
       service("sticky", "{clusterIP: 10.96.0.10, sessionAffinity: ClientIP, ports: [{name: http, port: 80}]}") +
       slice("sticky", http, two_endpoints));
  golden::expect_same(folder + "every_kind.ipv4.rules", restore_text(state.rules));
  settings.family = Family::ipv6;
  settings.cluster_cidr = prefix("fd00:244::/56");
  node = {"", ip("fd00:113::11"), {ip("fd00:113::11")}};
  make(everything());
  golden::expect_same(folder + "every_kind.ipv6.rules", restore_text(state.rules));
}

TEST_F(DesiredRules, HaveNoChainThatTheSkeletonDoesNotKnow) {
  make(everything());
  RuleSet rest = without(state.rules, skeleton());
  for (const auto& [name, table] : rest) {
    for (const Chain& chain : table.chains) {
      bool of_a_service = std::any_of(table.prefixes.begin(), table.prefixes.end(),
                                      [&](const std::string& prefix) { return chain.name.rfind(prefix, 0) == 0; });
      EXPECT_TRUE(of_a_service || chain.name == "KUBE-FIREWALL") << name << " " << chain.name;
    }
  }
}

}  // namespace
}  // namespace proxy::iptables
