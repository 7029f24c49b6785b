// The rules, all of them: what kube-proxy 1.33 writes, in the words of iptables-save.
#include "agents/proxy/ipvs/chains.h"

#include "lib/base/error.h"
#include "tests/unit/agents/proxy/objects.h"

namespace proxy::ipvs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ChainsTest : public testing::Test {
 protected:
  ChainsTest() { settings.cluster_cidr = prefix("10.244.0.0/16"); }

  RuleSet made(bool used, const std::vector<DeniedAccess>& denied = {}) const {
    return rules(
        settings, [&](const SetKind&) { return used; }, denied);
  }
  static std::string text(const Table& table) {
    std::string result;
    for (const Chain& chain : table.chains) {
      for (const std::string& rule : chain.rules) result += chain.name + " " + rule + "\n";
    }
    for (const Jump& jump : table.jumps) result += jump.from + " " + jump.rule() + "\n";
    return result;
  }
  static const Chain& chain(const RuleSet& rules, const std::string& table, const std::string& name) {
    for (const Chain& chain : rules.at(table).chains) {
      if (chain.name == name) return chain;
    }
    throw base::Error("no chain " + name);
  }

  Settings settings;
};

TEST_F(ChainsTest, TheNatTableWithEverySetInUse) {
  EXPECT_EQ(text(made(true)["nat"]),
            R"(KUBE-SERVICES -s 127.0.0.0/8 -j RETURN
KUBE-SERVICES -m comment --comment "Kubernetes service lb portal" -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER
KUBE-SERVICES ! -s 10.244.0.0/16 -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
KUBE-SERVICES -m comment --comment "Kubernetes service external ip + port for masquerade and filter purpose" -m set --match-set KUBE-EXTERNAL-IP dst,dst -j KUBE-MARK-MASQ
KUBE-SERVICES -m comment --comment "Kubernetes service external ip + port for masquerade and filter purpose" -m set --match-set KUBE-EXTERNAL-IP dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT
KUBE-SERVICES -m comment --comment "Kubernetes service external ip + port for masquerade and filter purpose" -m set --match-set KUBE-EXTERNAL-IP dst,dst -m addrtype --dst-type LOCAL -j ACCEPT
KUBE-SERVICES -m comment --comment "Kubernetes service external ip + port with externalTrafficPolicy=local" -m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT
KUBE-SERVICES -m comment --comment "Kubernetes service external ip + port with externalTrafficPolicy=local" -m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -m addrtype --dst-type LOCAL -j ACCEPT
KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j ACCEPT
KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
KUBE-NODE-PORT -p tcp -m comment --comment "Kubernetes nodeport TCP port with externalTrafficPolicy=local" -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN
KUBE-NODE-PORT -p tcp -m comment --comment "Kubernetes nodeport TCP port for masquerade purpose" -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
KUBE-NODE-PORT -p udp -m comment --comment "Kubernetes nodeport UDP port with externalTrafficPolicy=local" -m set --match-set KUBE-NODE-PORT-LOCAL-UDP dst -j RETURN
KUBE-NODE-PORT -p udp -m comment --comment "Kubernetes nodeport UDP port for masquerade purpose" -m set --match-set KUBE-NODE-PORT-UDP dst -j KUBE-MARK-MASQ
KUBE-NODE-PORT -p sctp -m comment --comment "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type \'hash ip:port\'" -m set --match-set KUBE-NODE-PORT-LOCAL-SCTP-HASH dst,dst -j RETURN
KUBE-NODE-PORT -p sctp -m comment --comment "Kubernetes nodeport SCTP port for masquerade purpose with type \'hash ip:port\'" -m set --match-set KUBE-NODE-PORT-SCTP-HASH dst,dst -j KUBE-MARK-MASQ
KUBE-LOAD-BALANCER -m comment --comment "Kubernetes service load balancer ip + port with externalTrafficPolicy=local" -m set --match-set KUBE-LOAD-BALANCER-LOCAL dst,dst -j RETURN
KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
)");
}

TEST_F(ChainsTest, TheFilterTableWithEverySetInUse) {
  DeniedAccess denied{ip("203.0.113.9"), netfilter::Protocol::udp, 53};
  EXPECT_EQ(text(made(true, {denied})["filter"]),
            R"(KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
KUBE-NODE-PORT -m comment --comment "Kubernetes health check node port" -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT
KUBE-PROXY-FIREWALL -m comment --comment "Kubernetes service load balancer ip + port for load balancer with sourceRange" -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-SOURCE-RANGES-FIREWALL
KUBE-SOURCE-RANGES-FIREWALL -m comment --comment "Kubernetes service load balancer ip + port + source cidr for packet filter purpose" -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN
KUBE-SOURCE-RANGES-FIREWALL -m comment --comment "Kubernetes service load balancer ip + port + source IP for packet filter purpose" -m set --match-set KUBE-LOAD-BALANCER-SOURCE-IP dst,dst,src -j RETURN
KUBE-SOURCE-RANGES-FIREWALL -j DROP
KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN
KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN
KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -j RETURN
KUBE-IPVS-FILTER -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN
KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT --reject-with icmp-port-unreachable
KUBE-IPVS-OUT-FILTER -s 203.0.113.9/32 -m ipvs --vproto 17 --vaddr 203.0.113.9 --vport 53 -j DROP
FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
INPUT -m comment --comment "kubernetes health check rules" -j KUBE-NODE-PORT
INPUT -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL
FORWARD -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL
INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER
OUTPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-OUT-FILTER
)");
}

TEST_F(ChainsTest, OfSetsWithoutEntriesFewRulesAreThere) {
  RuleSet none = made(false);
  EXPECT_THAT(chain(none, "nat", "KUBE-SERVICES").rules,
              ElementsAre("-s 127.0.0.0/8 -j RETURN", "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT"));
  EXPECT_THAT(chain(none, "nat", "KUBE-NODE-PORT").rules, IsEmpty());
  EXPECT_THAT(chain(none, "nat", "KUBE-LOAD-BALANCER").rules, ElementsAre("-j KUBE-MARK-MASQ"));
  EXPECT_EQ(chain(none, "nat", "KUBE-POSTROUTING").rules.size(), 3U);
  EXPECT_THAT(chain(none, "filter", "KUBE-PROXY-FIREWALL").rules, IsEmpty());
  EXPECT_THAT(chain(none, "filter", "KUBE-SOURCE-RANGES-FIREWALL").rules, ElementsAre("-j DROP"));
  EXPECT_EQ(chain(none, "filter", "KUBE-NODE-PORT").rules.size(), 1U) << "this one is always there";
  EXPECT_EQ(chain(none, "filter", "KUBE-IPVS-FILTER").rules.size(), 6U) << "these are always there";
}

TEST_F(ChainsTest, WhoIsMasqueradedOnTheWayToAClusterIp) {
  auto rule = [this] { return chain(made(true), "nat", "KUBE-SERVICES").rules.at(2); };
  EXPECT_THAT(rule(), HasSubstr("! -s 10.244.0.0/16 "));
  settings.cluster_cidr.reset();
  EXPECT_THAT(rule(), HasSubstr("KUBE-CLUSTER-IP src,dst"));
  settings.masquerade_all = true;
  EXPECT_THAT(rule(), HasSubstr("KUBE-CLUSTER-IP dst,dst"));
  settings.cluster_cidr = prefix("10.244.0.0/16");
  EXPECT_THAT(rule(), testing::StartsWith("-m comment")) << "everybody";
}

TEST_F(ChainsTest, TheMarkIsTheOneAskedFor) {
  settings.masquerade_mark = 0x8000;
  RuleSet with_bit_15 = made(true);
  EXPECT_THAT(text(with_bit_15["nat"]) + text(with_bit_15["filter"]), testing::Not(HasSubstr("0x4000")));
  EXPECT_THAT(chain(with_bit_15, "nat", "KUBE-MARK-MASQ").rules, ElementsAre("-j MARK --set-xmark 0x8000/0x8000"));
}

}  // namespace
}  // namespace proxy::ipvs
