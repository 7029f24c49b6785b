#include "agents/proxy/ipvs/programmer.h"

#include "agents/proxy/ipvs/desired.h"
#include "tests/unit/agents/proxy/ipvs/fake_kernel.h"
#include "tests/unit/agents/proxy/objects.h"

namespace proxy::ipvs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const char* const http = "[{name: http, port: 8080, protocol: TCP}]";

std::string web(const std::string& endpoints) {
  return service("web", "{type: NodePort, clusterIP: 10.96.0.5, ports: [{name: http, port: 80, nodePort: 30080}]}") +
         slice("web", http, endpoints);
}
std::string dns(const std::string& endpoints) {
  return service("dns", "{clusterIP: 10.96.0.10, ports: [{name: dns, port: 53, protocol: UDP}]}") +
         slice("dns", "[{name: dns, port: 53, protocol: UDP}]", endpoints);
}
const char* const one = "[{addresses: [10.244.1.2], nodeName: n1}]";
const char* const two = "[{addresses: [10.244.1.2], nodeName: n1}, {addresses: [10.244.2.2], nodeName: n2}]";

class ProgrammerTest : public testing::Test {
 protected:
  ProgrammerTest() {
    kernel.addresses_of_node = {ip("192.168.113.11")};
    settings.cluster_cidr = prefix("10.244.0.0/16");
  }
  State state(const std::string& manifests) {
    NodeView node{"", ip("192.168.113.11"), kernel.node_addresses()};
    return desired_state(Objects(manifests).ports(settings.family), node, settings);
  }
  Report apply(const std::string& manifests, bool verify = false) {
    kernel.writes.clear();
    kernel.reads = 0;
    return programmer.apply(state(manifests), verify);
  }

  FakeKernel kernel;
  Settings settings;
  Programmer programmer{kernel, {prefix("172.16.0.0/12")}};
};

TEST_F(ProgrammerTest, MakesTheKernelHoldTheState) {
  EXPECT_THAT(apply(web(two)).failures, IsEmpty());
  EXPECT_THAT(kernel.destinations("tcp 10.96.0.5:80"),
              ElementsAre("10.244.1.2:8080 weight 1", "10.244.2.2:8080 weight 1"));
  EXPECT_THAT(kernel.destinations("tcp 192.168.113.11:30080"),
              ElementsAre("10.244.1.2:8080 weight 1", "10.244.2.2:8080 weight 1"));
  EXPECT_THAT(*kernel.bound, ElementsAre(ip("10.96.0.5")));
  EXPECT_EQ(kernel.sets.size(), 17U);
  EXPECT_THAT(kernel.sets["KUBE-CLUSTER-IP"], ElementsAre("10.96.0.5,tcp:80"));
  EXPECT_THAT(kernel.sets["KUBE-NODE-PORT-TCP"], ElementsAre("30080"));
  EXPECT_EQ(kernel.tables["nat"]["PREROUTING"].size(), 1U);
  EXPECT_EQ(kernel.sysctls["net.ipv4.vs.conntrack"], "1");
}

TEST_F(ProgrammerTest, ASecondTimeChangesNothingAndReadsNothing) {
  apply(web(two));
  EXPECT_THAT(apply(web(two)).changes, IsEmpty());
  EXPECT_THAT(kernel.writes, IsEmpty());
  EXPECT_EQ(kernel.reads, 0);
}

TEST_F(ProgrammerTest, VerifyingAKernelThatIsRightChangesNothing) {
  apply(web(two) + dns(two));
  EXPECT_THAT(apply(web(two) + dns(two), true).changes, IsEmpty());
  EXPECT_THAT(kernel.writes, IsEmpty());
}

// The next agent finds what the last one has left, and no connection is lost.
TEST_F(ProgrammerTest, ARestartedAgentTouchesNothingThatIsRight) {
  apply(web(two));
  kernel.writes.clear();
  Programmer next(kernel, {});
  EXPECT_THAT(next.apply(state(web(two)), false).changes, IsEmpty());
  EXPECT_THAT(kernel.writes, IsEmpty());
}

TEST_F(ProgrammerTest, ARestartedAgentTakesAwayWhatIsNoLongerWanted) {
  apply(web(two) + dns(one));
  kernel.writes.clear();
  Programmer next(kernel, {});
  next.apply(state(web(one)), false);
  EXPECT_THAT(kernel.destinations("tcp 10.96.0.5:80"), ElementsAre("10.244.1.2:8080 weight 1"));
  EXPECT_THAT(*kernel.bound, ElementsAre(ip("10.96.0.5")));
  EXPECT_THAT(kernel.sets["KUBE-CLUSTER-IP"], ElementsAre("10.96.0.5,tcp:80"));
  EXPECT_EQ(kernel.servers.size(), 2U);
}

TEST_F(ProgrammerTest, ANewEndpointCostsOneWritePerServer) {
  apply(web(one));
  apply(web(two));
  EXPECT_THAT(kernel.writes, UnorderedElementsAre("add destination 10.244.2.2:8080 to tcp 10.96.0.5:80",
                                                  "add destination 10.244.2.2:8080 to tcp 192.168.113.11:30080"));
}

TEST_F(ProgrammerTest, ANewServiceLeavesTheOthersAlone) {
  apply(web(two));
  apply(web(two) + dns("[{addresses: [10.244.2.3], nodeName: n2}]"));
  EXPECT_THAT(kernel.writes, ElementsAre("add to KUBE-CLUSTER-IP 10.96.0.10,udp:53", "add to KUBE-IPVS-IPS 10.96.0.10",
                                         "add server udp 10.96.0.10:53",
                                         "add destination 10.244.2.3:53 to udp 10.96.0.10:53", "bind 10.96.0.10"));
}

// A packet must not find a virtual server whose traffic nobody masquerades yet.
TEST_F(ProgrammerTest, RulesAndSetsComeFirstAndGoLast) {
  apply(web(two));
  auto position = [this](const std::string& text) {
    auto found = std::find_if(kernel.writes.begin(), kernel.writes.end(),
                              [&](const std::string& write) { return write.find(text) != std::string::npos; });
    EXPECT_NE(found, kernel.writes.end()) << text;
    return found - kernel.writes.begin();
  };
  EXPECT_LT(position("sysctl net.ipv4.vs.conntrack"), position("add to KUBE-CLUSTER-IP"));
  EXPECT_LT(position("add to KUBE-CLUSTER-IP"), position("restore rules"));
  EXPECT_LT(position("restore rules"), position("add server"));
  EXPECT_LT(position("add destination 10.244.2.2:8080 to tcp 10.96.0.5:80"), position("bind 10.96.0.5"));
  apply("");
  EXPECT_LT(position("unbind 10.96.0.5"), position("delete server tcp 10.96.0.5:80"));
  EXPECT_LT(position("restore rules"), position("delete server"));
  EXPECT_LT(position("delete server"), position("remove from KUBE-CLUSTER-IP"));
}

TEST_F(ProgrammerTest, ATcpEndpointThatGoesIsDrained) {
  apply(web(two));
  kernel.set_connections("tcp 10.96.0.5:80", "10.244.2.2:8080", 3);
  Report report = apply(web(one));
  EXPECT_THAT(kernel.destinations("tcp 10.96.0.5:80"),
              ElementsAre("10.244.1.2:8080 weight 1", "10.244.2.2:8080 weight 0"));
  EXPECT_THAT(report.changes, Contains("draining 10.244.2.2:8080 of tcp 10.96.0.5:80 (default/web:http)"));
  EXPECT_THAT(kernel.destinations("tcp 192.168.113.11:30080"), ElementsAre("10.244.1.2:8080 weight 1"))
      << "no connection went through this one";
  apply(web(one), true);
  EXPECT_THAT(kernel.writes, IsEmpty()) << "still in use";
  kernel.set_connections("tcp 10.96.0.5:80", "10.244.2.2:8080", 0);
  apply(web(one), true);
  EXPECT_THAT(kernel.destinations("tcp 10.96.0.5:80"), ElementsAre("10.244.1.2:8080 weight 1"));
}

TEST_F(ProgrammerTest, WhatDrainsCostsNothingUntilItVerifies) {
  apply(web(two));
  kernel.set_connections("tcp 10.96.0.5:80", "10.244.2.2:8080", 3);
  apply(web(one));
  kernel.set_connections("tcp 10.96.0.5:80", "10.244.2.2:8080", 0);
  apply(web(one));
  EXPECT_THAT(kernel.writes, IsEmpty());
}

// kubernetes#117205: kube-proxy deletes it first, and with it the connections that were left.
TEST_F(ProgrammerTest, AnEndpointThatComesBackWhileItDrainsKeepsItsConnections) {
  apply(web(two));
  kernel.set_connections("tcp 10.96.0.5:80", "10.244.2.2:8080", 3);
  apply(web(one));
  apply(web(two));
  EXPECT_THAT(kernel.writes, Contains("edit destination 10.244.2.2:8080 of tcp 10.96.0.5:80"));
  EXPECT_THAT(kernel.writes, Not(Contains(HasSubstr("delete destination"))));
  EXPECT_THAT(kernel.destinations("tcp 10.96.0.5:80"),
              ElementsAre("10.244.1.2:8080 weight 1", "10.244.2.2:8080 weight 1"));
}

// kubernetes#108319: an agent that was restarted in between found the weight 0 for ever.
TEST_F(ProgrammerTest, ARestartedAgentGivesTheWeightBack) {
  apply(web(two));
  kernel.set_connections("tcp 10.96.0.5:80", "10.244.2.2:8080", 3);
  apply(web(one));
  Programmer(kernel, {}).apply(state(web(two)), false);
  EXPECT_THAT(kernel.destinations("tcp 10.96.0.5:80"), Contains("10.244.2.2:8080 weight 1"));
}

TEST_F(ProgrammerTest, AUdpEndpointThatGoesIsGoneAtOnce) {
  apply(dns(two));
  kernel.set_connections("udp 10.96.0.10:53", "10.244.2.2:53", 3);
  apply(dns(one));
  EXPECT_THAT(kernel.destinations("udp 10.96.0.10:53"), ElementsAre("10.244.1.2:53 weight 1"));
}

TEST_F(ProgrammerTest, AServerWhosePropertiesChangeIsEditedInPlace) {
  apply(web(two));
  settings.scheduler = "lc";
  apply(web(two));
  EXPECT_THAT(kernel.writes,
              UnorderedElementsAre("edit server tcp 10.96.0.5:80", "edit server tcp 192.168.113.11:30080"));
  EXPECT_EQ(kernel.server("tcp 10.96.0.5:80").service.scheduler, "lc");
  EXPECT_EQ(kernel.destinations("tcp 10.96.0.5:80").size(), 2U);
}

TEST_F(ProgrammerTest, RepairsWhatWasTakenAwayUnderIt) {
  apply(web(two));
  FakeKernel right = kernel;
  kernel.bound.reset();
  kernel.tables.clear();
  kernel.sets["KUBE-CLUSTER-IP"].clear();
  kernel.sets.erase("KUBE-LOOP-BACK");
  kernel.servers.erase(kernel.server("tcp 192.168.113.11:30080").service.key);
  kernel.server("tcp 10.96.0.5:80").destinations.clear();
  kernel.sysctls["net.ipv4.vs.conntrack"] = "0";
  EXPECT_THAT(apply(web(two), true).failures, IsEmpty());
  EXPECT_EQ(kernel.bound, right.bound);
  EXPECT_EQ(kernel.tables, right.tables);
  EXPECT_EQ(kernel.sets, right.sets);
  EXPECT_EQ(kernel.sysctls, right.sysctls);
  for (const char* key : {"tcp 10.96.0.5:80", "tcp 192.168.113.11:30080"}) {
    EXPECT_EQ(kernel.destinations(key), right.destinations(key));
  }
}

TEST_F(ProgrammerTest, TakesAwayWhatWasAddedUnderIt) {
  apply(web(two));
  FakeKernel right = kernel;
  kernel.bound->insert(ip("10.96.0.99"));
  kernel.sets["KUBE-CLUSTER-IP"].insert("10.96.0.99,tcp:1");
  netfilter::VirtualService other;
  other.key.address = ip("10.96.0.99");
  other.key.port = 1;
  kernel.servers[other.key].service = other;
  apply(web(two), true);
  EXPECT_EQ(kernel.bound, right.bound);
  EXPECT_EQ(kernel.sets, right.sets);
  EXPECT_EQ(kernel.servers.size(), right.servers.size());
}

// The device is looked at each time: an event has told that its addresses changed.
TEST_F(ProgrammerTest, BindsAnAddressAgainWithoutAFullLook) {
  apply(web(two));
  kernel.bound.reset();
  apply(web(two));
  EXPECT_THAT(kernel.writes, ElementsAre("create device", "bind 10.96.0.5"));
}

TEST_F(ProgrammerTest, ServersOfOthersAreLeftAlone) {
  auto add = [this](const std::string& address, std::uint32_t fwmark) {
    netfilter::VirtualService other;
    other.key.address = ip(address);
    other.key.port = 1;
    other.key.fwmark = fwmark;
    kernel.servers[other.key].service = other;
  };
  add("172.20.0.1", 0);  // excluded
  add("fd00::1", 0);     // of the other family
  add("10.96.0.99", 7);  // by mark
  apply(web(two), true);
  EXPECT_EQ(kernel.servers.size(), 2U + 3U);
}

TEST_F(ProgrammerTest, OneRefusalDoesNotKeepTheRestFromBeingDone) {
  kernel.refused = "add server udp";
  Report report = apply(dns(one) + web(two));
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_THAT(report.failures[0], HasSubstr("add server udp 10.96.0.10:53"));
  EXPECT_EQ(kernel.destinations("tcp 10.96.0.5:80").size(), 2U);
  kernel.refused.clear();
  EXPECT_THAT(apply(dns(one) + web(two)).failures, IsEmpty());
  EXPECT_EQ(kernel.destinations("udp 10.96.0.10:53").size(), 1U);
}

// What it remembers may be out of date: it looks, and tries once more.
TEST_F(ProgrammerTest, AFailureOverWhatSomebodyElseDidIsMendedAtOnce) {
  apply(web(one));
  kernel.servers.clear();
  Report report = apply(web(two));
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_EQ(kernel.destinations("tcp 10.96.0.5:80").size(), 2U);
}

TEST_F(ProgrammerTest, ASettingThatTheNamespaceDoesNotHaveIsSaidWithTheMend) {
  kernel.sysctls.erase("net.ipv4.vs.conntrack");
  Report report = apply(web(two));
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_THAT(report.failures[0], HasSubstr("net.ipv4.vs.conntrack=1"));
  EXPECT_THAT(report.failures[0], HasSubstr("a kernel of the lab's own"));
  EXPECT_EQ(kernel.destinations("tcp 10.96.0.5:80").size(), 2U);
}

TEST_F(ProgrammerTest, TimeoutsAreWrittenWhereTheyDiffer) {
  apply("");
  EXPECT_THAT(kernel.writes, Not(Contains("set timeouts")));
  settings.timeouts.udp = 10;
  apply("", true);
  EXPECT_EQ(kernel.timeouts.udp, 10U);
  EXPECT_EQ(kernel.timeouts.tcp, 900U);
  apply("", true);
  EXPECT_THAT(kernel.writes, IsEmpty());
}

TEST_F(ProgrammerTest, TakesEverythingAwayAndNothingElse) {
  kernel.tables["nat"] = {{"PREROUTING", {"-j OTHER"}}, {"OUTPUT", {}}, {"POSTROUTING", {}}};
  kernel.sets["OTHER"] = {"10.0.0.1"};
  FakeKernel before = kernel;
  apply(web(two) + dns(two));
  Report report = programmer.remove_everything(Family::ipv4);
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_TRUE(kernel.servers.empty());
  EXPECT_EQ(kernel.bound, std::nullopt);
  EXPECT_EQ(kernel.sets, before.sets);
  EXPECT_EQ(kernel.tables["nat"], before.tables["nat"]);
  for (const auto& [chain, rules] : kernel.tables["filter"]) EXPECT_THAT(rules, IsEmpty()) << chain;
  EXPECT_THAT(programmer.remove_everything(Family::ipv4).failures, IsEmpty()) << "a second time there is nothing";
}

TEST_F(ProgrammerTest, WhateverCameBeforeTheResultIsThatOfAFreshStart) {
  const std::vector<std::string> history{web(one), web(two) + dns(one), dns(two), "", web(one) + dns(two), web(two)};
  for (const std::string& manifests : history) apply(manifests);
  FakeKernel fresh;
  fresh.addresses_of_node = kernel.addresses_of_node;
  Programmer(fresh, {}).apply(state(history.back()), false);
  EXPECT_EQ(kernel.bound, fresh.bound);
  EXPECT_EQ(kernel.sets, fresh.sets);
  EXPECT_EQ(kernel.tables, fresh.tables);
  EXPECT_EQ(kernel.sysctls, fresh.sysctls);
  ASSERT_EQ(kernel.servers.size(), fresh.servers.size());
  for (const auto& [key, server] : fresh.servers) {
    EXPECT_EQ(kernel.destinations(key.to_string()), fresh.destinations(key.to_string()));
    EXPECT_EQ(kernel.servers[key].service, server.service);
  }
}

}  // namespace
}  // namespace proxy::ipvs
