// The plan is a pure function of the topology: what it says for some is kept in golden/, as text, shell and JSON.
#include "labctl/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "lib/base/run.h"
#include "tests/unit/golden.h"

namespace {

namespace fs = std::filesystem;
using namespace plan;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const fs::path kFolder = fs::path(SOURCE_DIR) / "tests/unit/labctl/plan/golden";
const std::vector<std::string> kNames{"plain_lan", "links", "ipvs_nat", "cluster", "wires", "vlans"};

topology::Topology topology_named(const std::string& name) {
  return topology::parse(base::read_file(kFolder / (name + ".yaml")), name + ".yaml");
}

Plan plan_named(const std::string& name) {
  return make_plan(topology_named(name));
}

Plan plan_of(const std::string& nodes) {
  return make_plan(topology::parse("version: 1\nname: x\nnetworks: {lan: {subnet: 10.0.0.0/24}}\n" + nodes, "x"));
}

std::string indented(const std::string& json) {
  return base::run_checked({"python3", "-m", "json.tool"}, json);
}

TEST(PlanText, IsAsInTheGoldenFiles) {
  for (const std::string& name : kNames) {
    golden::expect_same(kFolder / (name + ".txt"), to_text(plan_named(name)));
    golden::expect_same(kFolder / (name + ".sh"), to_shell(plan_named(name)));
    golden::expect_same(kFolder / (name + ".json"), indented(to_json(plan_named(name))));
  }
}

TEST(Plan, IsTheSameForTheSameTopology) {
  for (const std::string& name : kNames) {
    EXPECT_EQ(to_json(plan_named(name)), to_json(plan_named(name)));
    EXPECT_EQ(to_shell(plan_named(name)), to_shell(plan_named(name)));
  }
}

TEST(Plan, IsCalledLikeTheTopologyUnlessTheCallerSaysOtherwise) {
  EXPECT_EQ(plan_named("cluster").lab, "cluster");
  Plan renamed = make_plan(topology_named("cluster"), "second");
  EXPECT_EQ(renamed.lab, "second");
  renamed.lab = "cluster";
  EXPECT_EQ(to_json(renamed), to_json(plan_named("cluster")));
}

// ---- the order of operations

size_t position(const Plan& plan, const std::string& described) {
  for (size_t i = 0; i < plan.operations.size(); ++i) {
    if (describe(plan.operations[i]).rfind(described, 0) == 0) return i;
  }
  ADD_FAILURE() << "no operation \"" << described << "\" in\n" << to_text(plan);
  return 0;
}

TEST(PlanOrder, NetworksThenNodesThenEachWithItsLinksAddressesRoutesAndSettings) {
  Plan plan = plan_named("plain_lan");
  std::vector<size_t> order;
  for (const char* operation :
       {"create bridge lan", "create bridge wan", "create node client", "create node router", "create node switch",
        "node client: create veth pair lan", "node client: add address", "node client: set lan up",
        "node client: add route", "node router: create veth pair lan", "node router: create veth pair wan",
        "node router: add address", "node router: add route", "node router: set sysctl"}) {
    order.push_back(position(plan, operation));
  }
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << to_text(plan);
}

TEST(PlanOrder, LinksComeAfterThoseTheyAreMadeOf) {
  Plan plan = plan_named("links");
  size_t lan = position(plan, "node left: create veth pair lan");
  size_t tunnel = position(plan, "node left: create VXLAN link vx0");
  size_t long_name = position(plan, "node left: create veth pair a-network-with-a-long-name");
  size_t bridge = position(plan, "node left: create bridge br0");
  EXPECT_LT(lan, tunnel);
  EXPECT_LT(tunnel, bridge);
  EXPECT_LT(long_name, bridge);
}

// Either end's links may lie on it, and it needs both nodes.
TEST(PlanOrder, WiresComeAfterTheirNodesAndBeforeAllOtherLinks) {
  Plan plan = plan_named("wires");
  size_t wire = position(plan, "node left: create veth pair wire - wire of node right");
  EXPECT_LT(position(plan, "create node right"), wire);
  EXPECT_LT(wire, position(plan, "node left: create MACVLAN link mac0 on wire"));
  EXPECT_LT(wire, position(plan, "node right: add address 10.0.0.2/24"));
}

TEST(PlanOrder, RulesetsComeAfterLinksRoutesAndSettingsAndSetsBeforeTheirRules) {
  Plan plan = plan_named("vlans");
  std::vector<size_t> order;
  for (const char* operation : {"node switch: set br0 up", "node switch: load ruleset of ipset",
                                "node switch: load ruleset of iptables", "node switch: load ruleset of nftables"}) {
    order.push_back(position(plan, operation));
  }
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << to_text(plan);
}

TEST(PlanWires, AreOfBothTheirNodes) {
  Plan plan = plan_named("wires");
  EXPECT_EQ(plan.wires_of("left").size(), 2u);
  EXPECT_EQ(plan.wires_of("right").size(), 2u);
  EXPECT_THAT(plan.wires_of("nobody"), IsEmpty());
}

TEST(PlanOrder, EveryLinkIsCreatedOnceAndSetUp) {
  for (const std::string& name : kNames) {
    topology::Topology topology = topology_named(name);
    Plan plan = make_plan(topology);
    for (const topology::Node& node : topology.nodes) {
      std::multiset<std::string> created, up;
      for (const Operation& operation : plan.operations_of(node.name)) {
        std::visit(
            [&](const auto& it) {
              if constexpr (requires { it.name.alternative; }) created.insert(it.name.name);
            },
            operation);
        if (const auto* set_up = std::get_if<plan::SetUp>(&operation)) up.insert(set_up->link);
      }
      for (const CreateWire& wire : plan.wires_of(node.name)) {
        if (wire.peer_node == node.name) created.insert(wire.peer_name.name);
      }
      EXPECT_EQ(created.size(), node.links.size()) << node.name;
      EXPECT_EQ(created, up) << node.name;
    }
  }
}

TEST(PlanOrder, OperationsOfANodeAreThoseThatBuildIt) {
  Plan plan = plan_named("plain_lan");
  std::vector<Operation> router = plan.operations_of("router");
  EXPECT_EQ(describe(router.front()), "create node router");
  for (const Operation& operation : router) EXPECT_EQ(node_of(operation), "router");
  EXPECT_THAT(plan.operations_of("nobody"), IsEmpty());
  size_t all = plan.operations_of("").size();
  for (const char* node : {"client", "router", "switch"}) all += plan.operations_of(node).size();
  EXPECT_EQ(all, plan.operations.size());
}

// ---- names and addresses of interfaces

TEST(PlanNames, InterfaceNamesFitTheKernel) {
  InterfaceName fits = interface_name("exactly15chars_");
  EXPECT_EQ(fits.name, "exactly15chars_");
  EXPECT_EQ(fits.alternative, "");
  InterfaceName long_one = interface_name("sixteen.chars.00");
  EXPECT_EQ(long_one.name.size(), 15u);
  EXPECT_EQ(long_one.name.substr(0, 8), "sixteen-");
  EXPECT_EQ(long_one.alternative, "sixteen.chars.00");
  EXPECT_EQ(interface_name("sixteen.chars.00").name, long_one.name);
}

TEST(PlanNames, ManyLongNamesStayDifferent) {
  std::set<std::string> names;
  for (int i = 0; i < 20000; ++i) names.insert(interface_name("a-machine-in-a-large-lab-" + std::to_string(i)).name);
  EXPECT_EQ(names.size(), 20000u);
}

TEST(PlanNames, EveryNameInANamespaceIsItsOwn) {
  for (const std::string& name : kNames) {
    std::set<std::pair<std::string, std::string>> seen;
    for (const Operation& operation : plan_named(name).operations) {
      std::visit(
          [&](const auto& it) {
            if constexpr (requires { it.name.alternative; }) {
              EXPECT_TRUE(seen.insert({it.node, it.name.name}).second) << it.name.name;
              EXPECT_LE(it.name.name.size(), 15u);
            }
            if constexpr (requires { it.peer_name; }) {
              EXPECT_TRUE(seen.insert({it.peer_node, it.peer_name.name}).second) << it.peer_name.name;
            }
            if constexpr (requires { it.switch_end; }) {
              EXPECT_TRUE(seen.insert({"", it.switch_end.name}).second) << it.switch_end.name;
              EXPECT_LE(it.switch_end.name.size(), 15u);
            }
          },
          operation);
    }
  }
}

// Labs of different versions of labctl, and of different people, have the same MACs: those in documentation stay true.
TEST(PlanNames, MacsFollowFromNodeAndLink) {
  Plan plan = plan_of("nodes: {a: {links: {lan: 10.0.0.1}}, b: {links: {lan: 10.0.0.2}}}\n");
  auto macs = [&](const Plan& of) {
    std::vector<std::string> shown;
    for (const Operation& operation : of.operations) {
      const auto* cable = std::get_if<CreateCable>(&operation);
      if (cable == nullptr) continue;
      shown.push_back(cable->mac.to_string());
      shown.push_back(cable->switch_mac.to_string());
    }
    return shown;
  };
  EXPECT_THAT(macs(plan),
              ElementsAre("6e:5c:58:26:bc:ee", "5a:2c:fe:bd:bd:e8", "22:0a:46:a1:9a:3e", "5e:21:30:ab:cd:60"));
  Plan with_more = plan_of("nodes: {z: {}, b: {links: {lan: 10.0.0.9}}}\n");
  EXPECT_EQ(macs(with_more)[0], macs(plan)[2]);
  for (const std::string& mac : macs(plan)) EXPECT_EQ(std::stoi(mac.substr(0, 2), nullptr, 16) & 3, 2) << mac;
}

TEST(PlanNames, AMacThatIsGivenIsKept) {
  Plan plan = plan_of("nodes: {a: {links: {lan: {mac: 02:00:00:00:00:07}}}}\n");
  EXPECT_EQ(std::get<CreateCable>(plan.operations[2]).mac.to_string(), "02:00:00:00:00:07");
}

TEST(PlanNames, HostsAreTheAddressesOnNetworks) {
  std::vector<std::string> hosts;
  for (const auto& [address, name] : plan_named("ipvs_nat").hosts) hosts.push_back(address.to_string() + " " + name);
  EXPECT_THAT(hosts,
              ElementsAre("192.168.113.102 client", "192.168.113.101 ds", "192.168.113.99 rs1", "192.168.113.100 rs2"));
}

// ---- IPv6 costs time, and is off where nothing needs it

TEST(PlanIpv6, IsOnWhereSomethingNeedsIt) {
  auto ipv6 = [](const std::string& node) {
    Plan plan = plan_of("nodes: {a: " + node + "}\n");
    return std::get<CreateNode>(plan.operations[1]).ipv6;
  };
  EXPECT_FALSE(ipv6("{links: {lan: 10.0.0.1}}"));
  EXPECT_TRUE(ipv6("{links: {d: {kind: dummy, address: \"fd00::1/64\"}}}"));
  EXPECT_TRUE(ipv6("{links: {lan: 10.0.0.1}, routes: [\"fd00::/64 dev lan\"]}"));
  EXPECT_TRUE(ipv6("{sysctls: {net.ipv6.conf.all.forwarding: 1}}"));
  EXPECT_TRUE(ipv6("{ipvs: [{service: \"tcp://[fd00::1]:80\", servers: []}]}"));
  EXPECT_TRUE(ipv6("{rules: [\"from fd00::/64 lookup 100\"]}"));
  EXPECT_TRUE(ipv6("{ip6tables: \"*filter\\nCOMMIT\\n\"}"));
  EXPECT_TRUE(ipv6("{nftables: \"table ip6 filter {}\"}"));
  EXPECT_FALSE(ipv6("{nftables: \"table ip filter {}\", rules: [from 10.0.0.0/8 lookup 100]}"));
}

// ---- processes

TEST(PlanProcesses, WaitForThoseThatExist) {
  for (const std::string& name : kNames) {
    Plan plan = plan_named(name);
    std::set<std::string> names;
    for (const Process& process : plan.processes) {
      EXPECT_TRUE(names.insert(process.full_name()).second) << process.full_name() << " is there twice";
    }
    for (const Process& process : plan.processes) {
      for (const std::string& before : process.after) EXPECT_THAT(names, Contains(before)) << process.full_name();
    }
  }
}

TEST(PlanProcesses, WhoWaitsForNobodyIsRefusedBeforeThereIsAPlan) {
  EXPECT_THROW(plan_of("nodes: {a: {workloads: {web: {serve: http, after: database}}}}\n"), topology::InvalidTopology);
}

TEST(PlanProcesses, BuiltInServersAreReadyWhenTheyAccept) {
  Plan plan = plan_of(
      "nodes: {a: {workloads: {web: {serve: http, port: 80}, names: {serve: udp, port: 53}, "
      "own: {serve: tcp, port: 90, ready: {log: up}}, job: {run: make all}}}}\n");
  EXPECT_THAT(plan.processes[0].arguments, ElementsAre("/run/labctl/libexec/echo", "--http", "80"));
  EXPECT_EQ(std::get<topology::Ready::Tcp>(plan.processes[0].ready.condition).port, 80);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(plan.processes[1].ready.condition));
  EXPECT_TRUE(std::holds_alternative<topology::Ready::Log>(plan.processes[2].ready.condition));
  EXPECT_THAT(plan.processes[3].arguments, ElementsAre("sh", "-c", "make all"));
}

// A scenario may restart exactly what the plan starts.
TEST(PlanProcesses, AreThoseThatAScenarioKnows) {
  for (const std::string& name : kNames) {
    std::string text = base::read_file(kFolder / (name + ".yaml"));
    text = text.substr(0, text.find("scenario:")) + "scenario:\n";
    std::string all = text;
    Plan plan = plan_named(name);
    for (const Process& process : plan.processes)
      all += "  - fault: {restart: {process: " + process.full_name() + "}}\n";
    if (plan.processes.empty()) continue;
    EXPECT_NO_THROW(topology::parse(all, name)) << all;
  }
  std::string cluster = base::read_file(kFolder / "cluster.yaml");
  for (const char* other : {"proxy@client", "apiserver@worker1", "kube-apply@worker1", "controller@worker2"}) {
    EXPECT_THROW(topology::parse(cluster + "scenario: [{fault: {restart: {process: " + other + "}}}]\n", "x"),
                 topology::InvalidTopology)
        << other;
  }
}

TEST(PlanCluster, AgentsCanBeTurnedOff) {
  std::string text = base::read_file(kFolder / "cluster.yaml");
  size_t at = text.find("  proxy:");
  std::string without = text.substr(0, at) + "  proxy: {enabled: false}\n  overlay: {enabled: false}\n";
  Plan plan = make_plan(topology::parse(without, "x"));
  std::vector<std::string> names;
  for (const Process& process : plan.processes) names.push_back(process.full_name());
  EXPECT_THAT(names, UnorderedElementsAre("apiserver@cp", "controller@cp", "nodelet@cp", "nodelet@worker1",
                                          "nodelet@worker2", "kube-apply@cp", "extra@worker1"));
}

TEST(PlanCluster, OnlyModeIpvsHasAScheduler) {
  auto command_of_proxy = [](const std::string& agent) {
    std::string text = base::read_file(kFolder / "cluster.yaml");
    Plan plan = make_plan(topology::parse(text.substr(0, text.find("  proxy:")) + "  proxy: " + agent + "\n", "x"));
    for (const Process& process : plan.processes) {
      if (process.full_name() == "proxy@worker1") return process.arguments;
    }
    return std::vector<std::string>{"no proxy"};
  };
  EXPECT_THAT(command_of_proxy("{mode: ipvs, scheduler: wrr}"),
              AllOf(Contains("--proxy-mode=ipvs"), Contains("--ipvs-scheduler=wrr")));
  EXPECT_THAT(command_of_proxy("{mode: iptables}"),
              AllOf(Contains("--proxy-mode=iptables"), Not(Contains(HasSubstr("scheduler")))));
}

TEST(PlanCluster, TheControlPlaneMayBeAWorker) {
  Plan plan = plan_of(
      "nodes: {cp: {links: {lan: {address: [\"fd00::1/64\", 10.0.0.1]}}}}\n"
      "cluster: {controlPlane: cp, workers: [cp], network: lan}\n");
  EXPECT_EQ(plan.api, "http://10.0.0.1:8080");
  auto of = [&](const std::string& name) {
    return *std::find_if(plan.processes.begin(), plan.processes.end(), [&](const auto& it) { return it.name == name; });
  };
  EXPECT_THAT(of("nodelet").arguments, Not(Contains("--control-plane")));
  EXPECT_THAT(of("kube-apply").arguments, Contains("nodes=1"));
}

// ---- needs

std::vector<std::string> needs_of(const Plan& plan) {
  std::vector<std::string> needs;
  for (const Need& need : plan.needs) needs.push_back(need.need);
  return needs;
}

TEST(PlanNeeds, SayWhoAskedForThem) {
  Plan plan = plan_named("ipvs_nat");
  auto asked_by = [&](const std::string& name) {
    for (const Need& need : plan.needs) {
      if (need.need == name) return need.asked_by;
    }
    return std::vector<std::string>{"nobody"};
  };
  EXPECT_THAT(asked_by("bridge"), ElementsAre("network lan"));
  EXPECT_THAT(asked_by("dummy"), ElementsAre("node ds: link vip0"));
  EXPECT_THAT(asked_by("ipip"), ElementsAre("node ds: ipvs udp://10.10.0.1:53"));
  EXPECT_THAT(
      asked_by("ipvs-netlink"),
      ElementsAre("node ds: sysctl net.ipv4.vs.expire_nodest_conn", "node ds: ipvs tcp://10.10.0.1:8410",
                  "node ds: ipvs udp://10.10.0.1:53", "scenario, line 19", "scenario, line 21", "scenario, line 23"));
  EXPECT_THAT(asked_by("iptables"), ElementsAre("scenario, line 19", "scenario, line 20"));
  EXPECT_THAT(asked_by("conntrack-netlink"), ElementsAre("scenario, line 22"));
  EXPECT_THAT(asked_by("kernel-sysctl"), ElementsAre("nobody"));
}

TEST(PlanNeeds, OfFurtherLinksImpairmentsAndRulesets) {
  auto asked_by = [](const Plan& plan, const std::string& name) {
    auto found = std::find_if(plan.needs.begin(), plan.needs.end(), [&](const Need& it) { return it.need == name; });
    return found == plan.needs.end() ? std::vector<std::string>{} : found->asked_by;
  };
  Plan wires = plan_named("wires"), vlans = plan_named("vlans");
  EXPECT_THAT(asked_by(wires, "bridge"), IsEmpty()) << "there is none";
  EXPECT_THAT(asked_by(wires, "veth"), Contains("node right: link wire"));
  EXPECT_THAT(asked_by(wires, "macvlan"), ElementsAre("node left: link mac0"));
  EXPECT_THAT(asked_by(wires, "vlan"), ElementsAre("node left: link wire.7"));
  EXPECT_THAT(asked_by(wires, "ipip"), ElementsAre("node left: link ipip0"));
  EXPECT_THAT(asked_by(wires, "gre"), ElementsAre("node left: link gre0"));
  EXPECT_THAT(asked_by(wires, "tun-open"), ElementsAre("node left: link tun0", "node left: link tap0"));
  EXPECT_THAT(asked_by(wires, "tbf"), ElementsAre("node left: impairment of wire"));
  EXPECT_THAT(asked_by(wires, "netem"), IsEmpty()) << "a rate alone needs none";
  EXPECT_THAT(asked_by(wires, "ip6tables"), ElementsAre("node left: ip6tables"));
  EXPECT_THAT(asked_by(vlans, "netem"), ElementsAre("node switch: impairment of left"));
  EXPECT_THAT(asked_by(vlans, "tbf"), IsEmpty());
  EXPECT_THAT(asked_by(vlans, "bridge-vlan"), ElementsAre("node switch: link br0"));
  EXPECT_THAT(asked_by(vlans, "ipset"), ElementsAre("node switch: ipset", "node switch: iptables"));
  EXPECT_THAT(asked_by(vlans, "ipvs-netlink"), ElementsAre("node switch: iptables"));
  EXPECT_THAT(asked_by(vlans, "nftables"), ElementsAre("node switch: nftables"));
}

TEST(PlanNeeds, OfAPlainLanAreFew) {
  EXPECT_THAT(needs_of(plan_of("nodes: {a: {links: {lan: 10.0.0.1}, workloads: {web: {serve: http}}}}\n")),
              UnorderedElementsAre("bridge", "veth"));
}

TEST(PlanNeeds, AFaultThatImpairsNeedsItsQueue) {
  auto needs = [](const std::string& impairment) {
    return needs_of(
        plan_of("nodes: {a: {links: {lan: 10.0.0.1}}}\nscenario:\n  - fault: {impair: {link: 'a:lan', "
                "impairment: " +
                impairment + "}}\n"));
  };
  EXPECT_THAT(needs("{delay: 1ms, rate: 1mbit}"), Contains("netem"));
  EXPECT_THAT(needs("{rate: 1mbit}"), Contains("tbf"));
}

TEST(PlanNeeds, OtherUsersThanRootNeedAKernelOfTheirOwn) {
  auto needs = [](const std::string& user) {
    return needs_of(plan_of("nodes: {a: {workloads: {web: {run: nginx, user: " + user + "}}}}\n"));
  };
  EXPECT_THAT(needs("www-data"), Contains("users"));
  EXPECT_THAT(needs("root"), Not(Contains("users")));
}

TEST(PlanNeeds, OfKeepalivedAreThoseOfItsConfiguration) {
  auto needs = [](const std::string& configuration) {
    return needs_of(plan_of("nodes: {a: {workloads: {ka: {keepalived: \"" + configuration + "\"}}}}\n"));
  };
  EXPECT_THAT(needs("vrrp_instance a { }"), Not(AnyOf(Contains("macvlan"), Contains("ipvs-netlink"))));
  EXPECT_THAT(needs("vrrp_instance a { use_vmac\\n }"), Contains("macvlan"));
  EXPECT_THAT(needs("virtual_server 10.0.0.1 80 { }"), Contains("ipvs-netlink"));
  EXPECT_THAT(needs("vrrp_instance a { }\\n! virtual_server 10.0.0.1 80"), Not(Contains("ipvs-netlink")));
}

TEST(PlanProcesses, OfADaemonHasItsConfigurationInAFolderOfItsOwn) {
  Plan plan = plan_of("nodes: {a: {workloads: {front: {nginx: \"listen 8080;\"}}}}\n");
  ASSERT_EQ(plan.processes.size(), 1u);
  const Process& process = plan.processes.front();
  EXPECT_EQ(process.working_directory, "/run/front");
  ASSERT_EQ(process.files.size(), 1u);
  EXPECT_EQ(process.files.front().path, "/run/front/nginx.conf");
  EXPECT_EQ(process.files.front().text, "listen 8080;");
  EXPECT_EQ(std::get<topology::Ready::Tcp>(process.ready.condition).port, 8080);
  ASSERT_EQ(plan.programs.size(), 1u);
  EXPECT_EQ(plan.programs.front().package, "nginx-light");
  EXPECT_THAT(plan.programs.front().asked_by, ElementsAre("node a: workload front"));
}

TEST(PlanProcesses, OfNginxAtASocketAloneIsReadyWithIt) {
  Plan plan = plan_of("nodes: {a: {workloads: {front: {nginx: \"listen unix:/run/front.sock;\"}}}}\n");
  EXPECT_EQ(std::get<topology::Ready::File>(plan.processes.at(0).ready.condition).path, "/run/front.sock");
}

// From it a token bucket is sized.
TEST(Plan, AnImpairedLinkHasTheMtuOfItsKind) {
  Plan plan = plan_of(
      "nodes: {a: {links: {lan: {address: 10.0.0.1, mtu: 1400}, "
      "v: {kind: vxlan, vni: 7, device: lan, impairment: {rate: 1mbit}}, "
      "d: {kind: dummy, impairment: {rate: 1mbit}}}}}\n");
  std::vector<std::uint32_t> mtus;
  for (const Operation& operation : plan.operations) {
    if (const auto* impairment = std::get_if<SetImpairment>(&operation)) mtus.push_back(impairment->mtu);
  }
  EXPECT_THAT(mtus, ElementsAre(1350, 1500));
}

TEST(PlanProcesses, OfAWorkloadHasWhatIsSaidOfIt) {
  Plan plan = plan_of(
      "nodes: {a: {workloads: {web: {run: nginx, user: www-data, cwd: /tmp, limits: {as: 1M, core: unlimited}, "
      "files: {/etc/a: text, /etc/b: {text: t, mode: 0600}}}}}}\n");
  const Process& process = plan.processes.front();
  EXPECT_EQ(process.user, "www-data");
  EXPECT_EQ(process.working_directory, "/tmp");
  ASSERT_EQ(process.limits.size(), 2u);
  EXPECT_EQ(process.limits[0].value, 1u << 20);
  EXPECT_EQ(process.limits[1].value, std::nullopt);
  ASSERT_EQ(process.files.size(), 2u);
  EXPECT_EQ(process.files[0].mode, 0644u);
  EXPECT_EQ(process.files[1].mode, 0600u);
  EXPECT_THAT(to_json(plan), testing::HasSubstr(R"("limits":{"as":1048576,"core":null})"));
}

TEST(PlanNeeds, SysctlsOfTheWholeKernelNeedAKernelOfTheirOwn) {
  auto needs = [](const std::string& sysctl) {
    return needs_of(plan_of("nodes: {a: {sysctls: {" + sysctl + ": 1}}}\n"));
  };
  for (const char* shared : {"net.netfilter.nf_conntrack_max", "net.core.rmem_max", "kernel.pid_max", "vm.swappiness",
                             "net.ipv4.tcp_mem", "net.ipv4.neigh.default.gc_thresh3", "fs.file-max"}) {
    EXPECT_THAT(needs(shared), Contains("kernel-sysctl")) << shared;
  }
  for (const char* own : {"net.ipv4.ip_forward", "net.core.somaxconn", "net.ipv4.conf.all.rp_filter",
                          "net.netfilter.nf_conntrack_tcp_timeout_established", "net.unix.max_dgram_qlen",
                          "net.ipv6.conf.all.forwarding", "net.ipv4.tcp_rmem"}) {
    EXPECT_THAT(needs(own), Not(Contains("kernel-sysctl"))) << own;
  }
  EXPECT_THAT(needs("net.bridge.bridge-nf-call-iptables"), Contains("bridge-netfilter"));
}

TEST(PlanNeeds, OfAClusterAreThoseOfItsAgents) {
  EXPECT_THAT(needs_of(plan_named("cluster")),
              UnorderedElementsAre("bridge", "veth", "ipvs-netlink", "ipset", "iptables", "dummy", "conntrack-netlink",
                                   "bridge-netfilter", "vxlan"));
}

TEST(PlanNeeds, OfAClusterInModeIptablesAreFewer) {
  std::string text = base::read_file(kFolder / "cluster.yaml");
  EXPECT_THAT(
      needs_of(make_plan(topology::parse(text.substr(0, text.find("  proxy:")) + "  proxy: {mode: iptables}\n", "x"))),
      UnorderedElementsAre("bridge", "veth", "iptables", "conntrack-netlink", "bridge-netfilter", "vxlan"));
}

TEST(PlanNeeds, OfHostPortsAreThoseOfTheirRules) {
  auto needs = [](const std::string& port) {
    return needs_of(plan_of(
        "nodes: {a: {links: {lan: 10.0.0.1}}}\n"
        "cluster: {controlPlane: a, workers: [a], network: lan, proxy: {enabled: false}, overlay: {enabled: false}}\n"
        "manifests: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: "
        "echo, ports: [{" +
        port + "}]}]}}]\n"));
  };
  EXPECT_THAT(needs("containerPort: 80"), Not(Contains("iptables")));
  EXPECT_THAT(needs("containerPort: 80, hostPort: 80"), Contains("iptables"));
}

}  // namespace
