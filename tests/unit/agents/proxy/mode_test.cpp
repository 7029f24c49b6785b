// One mode after another in the same network namespace.
#include "agents/proxy/mode.h"

#include <set>
#include <sstream>

#include "agents/proxy/iptables/desired.h"
#include "agents/proxy/ipvs/linux_kernel.h"
#include "agents/proxy/linux_tables.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/dummy.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/agents/proxy/everything.h"
#include "tests/unit/private_network.h"

namespace proxy {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ModeChanges : public PrivateNetwork {
 protected:
  static Options options(const std::string& mode) {
    Flags flags;
    flags.proxy_mode = mode;
    flags.cluster_cidr = "10.244.0.0/16";
    return parse_options(flags);
  }
  static ClusterView cluster() {
    ClusterView view;
    view.ports[Family::ipv4] = Objects(everything()).ports();
    view.node_ips = {ip("192.168.113.11")};
    return view;
  }
  // One run of an agent, as far as the first time that it verifies.
  void run(const std::string& name) {
    std::unique_ptr<Mode> mode = make_mode(options(name), log);
    EXPECT_TRUE(mode->sync(cluster(), false)) << log.str();
    EXPECT_TRUE(mode->sync(cluster(), true)) << log.str();
  }

  // "nat KUBE-SERVICES" for every chain of ours, and for every jump of ours "filter INPUT -j KUBE-SERVICES".
  static std::set<std::string> ours() {
    std::set<std::string> result;
    LinuxTables tables(Family::ipv4, {"nat"}, {});
    for (const auto& [table, chains] : tables.read_rules()) {
      for (const auto& [chain, rules] : chains) {
        if (chain.rfind("KUBE-", 0) == 0) {
          result.insert(table + " " + chain);
          continue;
        }
        for (const std::string& rule : rules) result.insert(table + " " + chain + " " + rule);
      }
    }
    return result;
  }

  std::ostringstream log;
};

TEST_F(ModeChanges, IptablesLeavesAnotherRunsRulesAlone) {
  run("iptables");
  std::set<std::string> first = ours();
  log.str("");
  run("iptables");
  EXPECT_EQ(ours(), first);
  EXPECT_THAT(log.str(), Not(HasSubstr("wrote"))) << "everything was right";
  EXPECT_THAT(log.str(), Not(HasSubstr("removed")));
}

TEST_F(ModeChanges, IptablesCleansUp) {
  run("iptables");
  EXPECT_THAT(ours(), Contains(HasSubstr("KUBE-SVC-")));
  clean_up(options("iptables"), log);
  for (const std::string& rest : ours()) EXPECT_THAT(rest, HasSubstr("KUBE-FIREWALL")) << "which is the kubelet's, too";
}

TEST_F(ModeChanges, IptablesIsDescribedInCommands) {
  std::string text = describe(options("iptables"), cluster());
  EXPECT_THAT(text, HasSubstr("sysctl -w net.ipv4.conf.all.route_localnet=1\n"));
  EXPECT_THAT(text, HasSubstr("iptables -t nat -N KUBE-SERVICES\n"));
  EXPECT_THAT(text,
              HasSubstr("iptables -t filter -I INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes "
                        "load balancer firewall\" -j KUBE-PROXY-FIREWALL\n"));
  EXPECT_THAT(ours(), IsEmpty()) << "and asks for nothing to be done";
}

class ModeChangesWithIpvs : public ModeChanges {
 protected:
  void SetUp() override {
    ModeChanges::SetUp();
    if (IsSkipped()) return;
    try {
      ipvs::KernelClients clients;
      netlink::NewLink link;
      link.name = "eth0";
      link.up = true;
      netlink::create_dummy(clients.routes, link);
      netlink::add_address(clients.routes, "eth0", prefix("192.168.113.11/24"));
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
    if (!netlink::has_sysctl("net.ipv4.vs.conntrack")) {
      GTEST_SKIP() << "this kernel shows IPVS's settings in the initial user namespace only";
    }
  }
  // What a namespace of its own holds that has only ever seen this mode.
  std::set<std::string> of(const std::string& mode) {
    run(mode);
    std::set<std::string> result = ours();
    clean_up(options(mode), log);
    return result;
  }
};

TEST_F(ModeChangesWithIpvs, IptablesLeavesNothingOfIpvs) {
  std::set<std::string> expected = of("iptables");
  run("ipvs");
  run("iptables");
  EXPECT_EQ(ours(), expected);
  ipvs::KernelClients clients;
  EXPECT_THAT(clients.ipvs.list(), IsEmpty());
  EXPECT_THAT(clients.sets.list(), IsEmpty());
  EXPECT_FALSE(netlink::find_link(clients.routes, "kube-ipvs0"));
}

TEST_F(ModeChangesWithIpvs, IpvsLeavesNothingOfIptablesButForTheKubelets) {
  std::set<std::string> expected = of("ipvs");
  EXPECT_THAT(expected, Contains("nat KUBE-SERVICES")) << "which both modes have";
  run("iptables");
  run("ipvs");
  for (const std::string& rest : ours()) {
    EXPECT_TRUE(expected.count(rest) == 1 || rest.find("KUBE-FIREWALL") != std::string::npos) << rest;
  }
  for (const std::string& wanted : expected) EXPECT_EQ(ours().count(wanted), 1U) << wanted;
}

}  // namespace
}  // namespace proxy
