// Everything on a real kernel that has IPVS.
#include "agents/proxy/ipvs/linux_kernel.h"

#include "agents/proxy/ipvs/programmer.h"
#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netlink/links/dummy.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/agents/proxy/ipvs/full_state.h"
#include "tests/unit/private_network.h"

namespace proxy::ipvs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LinuxKernelTest : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    try {
      clients = std::make_shared<KernelClients>();
      netlink::NewLink link;
      link.name = "eth0";
      link.up = true;
      netlink::create_dummy(clients->routes, link);
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
    if (!netlink::has_sysctl("net.ipv4.vs.conntrack")) {
      GTEST_SKIP() << "this kernel shows IPVS's settings in the initial user namespace only";
    }
    netlink::add_address(clients->routes, "eth0", prefix("192.168.113.11/24"));
    kernel.emplace(clients, Family::ipv4);
  }
  Report apply(const State& state, bool verify = false) { return Programmer(*kernel, {}).apply(state, verify); }

  std::shared_ptr<KernelClients> clients;
  std::optional<LinuxKernel> kernel;
};

// With the rule that needs the match `ipvs`, too.
State full_state_with_denied_access() {
  Settings settings;
  settings.cluster_cidr = prefix("10.244.0.0/16");
  NodeView node{"", ip("10.9.9.9"), {ip("192.168.113.11")}};
  return desired_state(Objects(everything()).ports(), node, settings);
}

TEST_F(LinuxKernelTest, HoldsTheFullStateAsItWasWritten) {
  State state = full_state_with_denied_access();
  EXPECT_THAT(apply(state).failures, IsEmpty());
  Report again = apply(state, true);
  EXPECT_THAT(again.failures, IsEmpty());
  EXPECT_THAT(again.changes, IsEmpty());
}

TEST_F(LinuxKernelTest, IsRepaired) {
  State state = full_state_with_denied_access();
  Programmer programmer(*kernel, {});
  programmer.apply(state, false);
  netlink::delete_link(clients->routes, device_name);
  clients->ipvs.flush();
  clients->sets.flush("KUBE-CLUSTER-IP");
  clients->sets.flush("KUBE-NODE-PORT-TCP");
  netlink::write_sysctl("net.ipv4.vs.conntrack", "0");
  RuleProgrammer(*kernel).apply({{"nat", {{{"KUBE-SERVICES", {}}}, {}}}});
  EXPECT_THAT(programmer.apply(state, true).failures, IsEmpty());
  EXPECT_THAT(apply(state, true).changes, IsEmpty());
  EXPECT_EQ(netlink::read_sysctl("net.ipv4.vs.conntrack"), "1");
}

TEST_F(LinuxKernelTest, IsLeftAsItWas) {
  auto everything_of = [&] {
    return std::tuple(kernel->read_sets(), kernel->bound_addresses(), clients->ipvs.list().size());
  };
  auto before = everything_of();
  apply(full_state_with_denied_access());
  EXPECT_THAT(Programmer(*kernel, {}).remove_everything(Family::ipv4).failures, IsEmpty());
  EXPECT_EQ(everything_of(), before);
  for (const auto& [table, chains] : kernel->read_rules()) {
    for (const auto& [chain, rules] : chains) {
      EXPECT_THAT(rules, IsEmpty()) << table << " " << chain;
      EXPECT_THAT(chain, testing::Not(HasSubstr("KUBE"))) << table;
    }
  }
}

TEST_F(LinuxKernelTest, KnowsTheNodesAddresses) {
  apply(full_state_with_denied_access());
  EXPECT_THAT(kernel->node_addresses(), ElementsAre(ip("192.168.113.11")));
}

TEST_F(LinuxKernelTest, AddressesOfADeviceThatIsDownAreLocal) {
  apply(full_state_with_denied_access());
  EXPECT_THAT(base::run_checked({"ip", "route", "get", "10.96.0.1"}), HasSubstr("local 10.96.0.1 dev lo"));
}

TEST_F(LinuxKernelTest, HasTheSchedulers) {
  std::string missing;
  for (const char* scheduler :
       {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"}) {
    try {
      probe_scheduler(clients->ipvs, scheduler);
    } catch (const base::Error&) {
      missing += std::string(" ") + scheduler;
    }
  }
  EXPECT_THAT(clients->ipvs.list(), IsEmpty()) << "a probe leaves nothing";
  if (!missing.empty()) GTEST_SKIP() << "this kernel has not" << missing;
}

TEST_F(LinuxKernelTest, ASchedulerThatIsNotThereIsNamed) {
  try {
    probe_scheduler(clients->ipvs, "fastest");
    FAIL() << "it is there";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("fastest"));
  }
}

TEST_F(LinuxKernelTest, EverySchedulerAndAffinityIsReadBackAsItWasWritten) {
  for (const char* scheduler : {"rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh"}) {
    try {
      probe_scheduler(clients->ipvs, scheduler);
    } catch (const base::Error&) {
      continue;
    }
    Settings settings;
    settings.scheduler = scheduler;
    Objects objects(service("web",
                            "{clusterIP: 10.96.0.5, sessionAffinity: ClientIP, sessionAffinityConfig:"
                            " {clientIP: {timeoutSeconds: 600}}, ports: [{port: 80}]}"));
    State state = desired_state(objects.ports(), {"", std::nullopt, {}}, settings);
    EXPECT_THAT(apply(state).failures, IsEmpty()) << scheduler;
    EXPECT_THAT(apply(state, true).changes, IsEmpty()) << scheduler;
  }
}

TEST_F(LinuxKernelTest, Ipv6IsHeldAsItWasWritten) {
  std::optional<LinuxKernel> six;
  try {
    six.emplace(clients, Family::ipv6);
    six->read_rules();
    netlink::add_address(clients->routes, "eth0", prefix("fd00:113::11/64"));
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.what();
  }
  apply(full_state(Family::ipv4));
  State state = full_state(Family::ipv6);
  EXPECT_THAT(Programmer(*six, {}).apply(state, false).failures, IsEmpty());
  EXPECT_THAT(Programmer(*six, {}).apply(state, true).changes, IsEmpty());
  EXPECT_THAT(apply(full_state(Family::ipv4), true).changes, IsEmpty()) << "the families do not disturb each other";
  EXPECT_THAT(six->node_addresses(), ElementsAre(ip("fd00:113::11")));
  EXPECT_THAT(base::run_checked({"ip", "route", "get", "fd00:96::1"}), HasSubstr("local fd00:96::1"));
}

}  // namespace
}  // namespace proxy::ipvs
