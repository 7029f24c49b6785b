// The rules on this machine's kernel: both variants of iptables must take every rule, and print it as we write it, or
// the proxy would write it again and again.
#include <gmock/gmock.h>

#include "agents/proxy/iptables/desired.h"
#include "lib/base/error.h"
#include "tests/unit/agents/proxy/everything.h"
#include "tests/unit/agents/proxy/real_tables.h"
#include "tests/unit/private_network.h"

namespace proxy::iptables {
namespace {

using netfilter::Iptables;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class IptablesKernelRules : public PrivateNetwork,
                            public testing::WithParamInterface<std::tuple<Iptables::Variant, Family>> {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    try {
      kernel.restore_rules("*mangle\nCOMMIT\n*nat\nCOMMIT\n*filter\nCOMMIT\n");
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
    kernel.writes = 0;
  }

  Family family() const { return std::get<Family>(GetParam()); }
  bool six() const { return family() == Family::ipv6; }

  State state(const std::string& manifests) const {
    Settings settings;
    settings.family = family();
    settings.cluster_cidr = prefix(six() ? "fd00:244::/56" : "10.244.0.0/16");
    netlink::IpAddress own = ip(six() ? "fd00:113::11" : "192.168.113.11");
    return desired_state(Objects(manifests).ports(family()), {"", own, {own}}, settings);
  }
  // With N endpoints, and a client that comes back to one.
  std::string sticky(int n) const {
    std::string endpoints;
    for (int i = 1; i <= n; ++i) {
      endpoints += (i == 1 ? "" : ", ") + std::string("{addresses: ['") + (six() ? "fd00:244::" : "10.244.1.") +
                   std::to_string(i) + "'], nodeName: n1}";
    }
    return service("sticky", std::string("{clusterIP: '") + (six() ? "fd00:96::99" : "10.96.0.99") +
                                 "', sessionAffinity: ClientIP, ports: [{port: 80}]}") +
           slice("sticky", "[{port: 8080, protocol: TCP}]", "[" + endpoints + "]", "sticky", six() ? "IPv6" : "IPv4");
  }
  std::string nobody() const {
    return service("nobody", std::string("{clusterIP: '") + (six() ? "fd00:96::98" : "10.96.0.98") +
                                 "', ports: [{port: 80}, {name: d, port: 53, protocol: UDP}]}");
  }

  RealTables kernel{family(), std::get<Iptables::Variant>(GetParam())};
};

TEST_P(IptablesKernelRules, AreTakenAndPrintedAsTheyAreWritten) {
  RuleSet rules = state(everything() + sticky(7) + nobody()).rules;
  EXPECT_THAT(RuleProgrammer(kernel).apply(rules), Not(IsEmpty()));
  EXPECT_THAT(RuleProgrammer(kernel).apply(rules), IsEmpty());
  EXPECT_EQ(kernel.writes, 1);
}

TEST_P(IptablesKernelRules, OfOneServiceChangeWithoutThoseOfTheOthers) {
  RuleProgrammer programmer(kernel);
  programmer.apply(state(everything() + sticky(3)).rules);
  std::vector<std::string> changes = programmer.apply(state(everything() + sticky(2)).rules);
  // Its chain of choice, and the endpoint that is gone.
  EXPECT_THAT(changes, SizeIs(2));
  EXPECT_EQ(kernel.writes, 2);
  EXPECT_THAT(kernel.last_text, Not(HasSubstr("default/a")));
  EXPECT_THAT(RuleProgrammer(kernel).apply(state(everything() + sticky(2)).rules), IsEmpty());
  changes = programmer.apply(state(everything()).rules);
  EXPECT_THAT(kernel.last_text, HasSubstr("-X KUBE-SVC-"));
  EXPECT_THAT(RuleProgrammer(kernel).apply(state(everything()).rules), IsEmpty());
}

TEST_P(IptablesKernelRules, ThatSomebodyElseHasChangedAreRepaired) {
  RuleSet rules = state(everything()).rules;
  RuleProgrammer programmer(kernel);
  programmer.apply(rules);
  kernel.restore_rules("*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-SVC-STRANGER - [0:0]\nCOMMIT\n");
  programmer.verify();
  EXPECT_THAT(programmer.apply(rules),
              testing::UnorderedElementsAre("nat KUBE-SERVICES", "nat KUBE-SVC-STRANGER (deleted)"));
  EXPECT_THAT(RuleProgrammer(kernel).apply(rules), IsEmpty());
}

TEST_P(IptablesKernelRules, AreTakenAwayButForTheKubelets) {
  RuleProgrammer(kernel).apply(state(everything() + sticky(3)).rules);
  RuleProgrammer(kernel).remove(skeleton());
  for (const auto& [table, chains] : kernel.read_rules()) {
    for (const auto& [chain, rules] : chains) {
      if (chain == "KUBE-FIREWALL") continue;
      EXPECT_THAT(chain, Not(HasSubstr("KUBE"))) << table;
      EXPECT_THAT(rules, Each(HasSubstr("KUBE-FIREWALL"))) << table << " " << chain;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryVariant, IptablesKernelRules,
                         testing::Combine(testing::Values(Iptables::Variant::nft, Iptables::Variant::legacy),
                                          testing::Values(Family::ipv4, Family::ipv6)));

}  // namespace
}  // namespace proxy::iptables
