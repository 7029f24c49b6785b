// What a topology's file says, as typed values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "labctl/topology/topology.h"
#include "lib/base/file_descriptor.h"

namespace {

using namespace topology;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Topology parse_good(const std::string& name) {
  std::string path = std::string(SOURCE_DIR) + "/tests/unit/labctl/topology/good/" + name;
  return parse(base::read_file(path), name);
}

const Topology& everything() {
  static const Topology topology = parse_good("everything.yaml");
  return topology;
}

const Node& node(const std::string& name) {
  return *everything().find_node(name);
}

const Link& link(const std::string& in_node, const std::string& name) {
  const Node& owner = node(in_node);
  return *std::find_if(owner.links.begin(), owner.links.end(), [&](const Link& it) { return it.name == name; });
}

const Workload& workload(const std::string& name) {
  const Node& owner = node("rs1");
  return *std::find_if(owner.workloads.begin(), owner.workloads.end(),
                       [&](const Workload& it) { return it.name == name; });
}

std::vector<std::string> texts(const std::vector<Located<Prefix>>& prefixes) {
  std::vector<std::string> shown;
  for (const auto& prefix : prefixes) shown.push_back(prefix.value.to_string());
  return shown;
}

template <class T>
std::vector<T> values(const std::vector<Located<T>>& located) {
  std::vector<T> plain;
  for (const auto& it : located) plain.push_back(it.value);
  return plain;
}

template <class Action>
const Action& step(const Topology& topology, size_t index) {
  return std::get<Action>(topology.scenario.at(index).action);
}

template <class What>
const What& expectation(size_t index) {
  return std::get<What>(step<Expect>(everything(), index).what);
}

// ---- the head and the networks

TEST(Decode, Head) {
  EXPECT_EQ(everything().version, 1u);
  EXPECT_EQ(everything().name.value, "everything");
  EXPECT_EQ(everything().name.at, (Location{3, 7}));
  EXPECT_EQ(everything().description, "all there is: without a cluster");
  EXPECT_EQ(everything().path, "everything.yaml");
  EXPECT_FALSE(everything().cluster);
}

TEST(Decode, NetworksInTheOrderOfTheFile) {
  ASSERT_EQ(everything().networks.size(), 3u);
  const Network& lan = everything().networks[0];
  EXPECT_EQ(lan.name, "lan");
  EXPECT_EQ(lan.at, (Location{6, 3}));
  EXPECT_EQ(lan.subnet->value.to_string(), "192.168.113.0/24");
  EXPECT_EQ(lan.subnet6->value.to_string(), "fd00:113::/64");
  EXPECT_EQ(lan.mtu, 9000u);
  EXPECT_FALSE(everything().networks[1].subnet);
  EXPECT_EQ(everything().networks[2].mtu, 1400u);
}

// ---- links

TEST(Decode, LinkThatIsJustItsAddress) {
  const Link& lan = link("client", "lan");
  EXPECT_EQ(std::get<NetworkLink>(lan.kind).network.value, "lan");
  EXPECT_THAT(texts(lan.addresses), ElementsAre("192.168.113.102/24"));  // the length is the subnet's
  EXPECT_FALSE(lan.mac);
}

TEST(Decode, LinkTakesTheMtuOfItsNetworkUnlessItHasOne) {
  EXPECT_EQ(link("client", "lan").mtu, 9000u);
  EXPECT_EQ(link("client", "bare").mtu, 1400u);
  EXPECT_EQ(link("client", "second").mtu, 1280u);
}

TEST(Decode, LinkOfAnotherNameThanItsNetwork) {
  const Link& second = link("client", "second");
  EXPECT_EQ(std::get<NetworkLink>(second.kind).network.value, "wire");
  EXPECT_THAT(texts(second.addresses), ElementsAre("10.1.0.1/30"));
  EXPECT_EQ(second.mac->value.to_string(), "02:00:00:00:00:aa");
  EXPECT_EQ(std::get<NetworkLink>(link("client", "bare").kind).network.value, "nothing");
  EXPECT_THAT(link("client", "bare").addresses, IsEmpty());
}

TEST(Decode, AddressesOfBothVersions) {
  EXPECT_THAT(texts(link("ds", "lan").addresses), ElementsAre("192.168.113.101/24", "fd00:113::101/64"));
}

TEST(Decode, LinksOfTheOtherKinds) {
  EXPECT_TRUE(std::holds_alternative<DummyLink>(link("ds", "vip0").kind));
  EXPECT_THAT(texts(link("ds", "vip0").addresses), ElementsAre("10.10.0.1/32"));
  EXPECT_THAT(values(parts_of(link("ds", "br0"))), ElementsAre("v0"));
  const auto& vxlan = std::get<VxlanLink>(link("ds", "v0").kind);
  EXPECT_EQ(vxlan.vni.value, 7u);
  EXPECT_EQ(vxlan.port, 4789);
  EXPECT_EQ(vxlan.local->value.to_string(), "192.168.113.101");
  EXPECT_EQ(vxlan.device->value, "lan");
  EXPECT_FALSE(vxlan.learning);
}

TEST(Decode, LinkOfAnotherKindWithoutLengthHasTheFullOne) {
  Topology topology = parse("version: 1\nname: x\nnodes: {a: {links: {vip: {kind: dummy, address: 10.0.0.1}}}}\n", "x");
  EXPECT_THAT(texts(topology.nodes[0].links[0].addresses), ElementsAre("10.0.0.1/32"));
}

// ---- routes, sysctls, IPVS

const Link& link_of_wires(const std::string& name) {
  static const Topology topology = parse_good("wires.yaml");
  const Node& owner = *topology.find_node("left");
  return *std::find_if(owner.links.begin(), owner.links.end(), [&](const Link& it) { return it.name == name; });
}

TEST(Decode, LinksOnAndBesideOthers) {
  const auto& macvlan = std::get<MacvlanLink>(link_of_wires("mac0").kind);
  EXPECT_EQ(macvlan.device.value, "wire");
  EXPECT_EQ(macvlan.mode, "bridge");
  EXPECT_EQ(std::get<MacvlanLink>(link_of_wires("mac1").kind).mode, "private");
  EXPECT_EQ(std::get<VlanLink>(link_of_wires("wire.7").kind).id.value, 7);
  const auto& ipip = std::get<IpipLink>(link_of_wires("ipip0").kind);
  EXPECT_EQ(ipip.local->value.to_string(), "10.0.0.1");
  EXPECT_EQ(ipip.remote->value.to_string(), "10.0.0.2");
  EXPECT_EQ(ipip.device->value, "wire");
  EXPECT_EQ(ipip.ttl, 64);
  EXPECT_EQ(std::get<GreLink>(link_of_wires("gre0").kind).key, 42u);
  EXPECT_EQ(std::get<TunLink>(link_of_wires("tun0").kind).mode, "tun");
  EXPECT_FALSE(has_mac(link_of_wires("tun0")));
  EXPECT_TRUE(has_mac(link_of_wires("tap0")));
}

TEST(Decode, VlansOfABridge) {
  const auto& bridge = std::get<BridgeLink>(link_of_wires("br0").kind);
  EXPECT_TRUE(bridge.vlan_filtering);
  EXPECT_EQ(bridge.vlan->value, 10);
  ASSERT_EQ(bridge.ports.size(), 2u);
  EXPECT_EQ(bridge.ports[0].link.value, "tap0");
  EXPECT_FALSE(bridge.ports[0].vlan);
  EXPECT_EQ(bridge.ports[1].link.value, "mac1");
  EXPECT_EQ(bridge.ports[1].vlan->value, 10);
  EXPECT_THAT(values(bridge.ports[1].tagged), ElementsAre(20, 30));
}

TEST(Decode, Impairments) {
  using namespace std::chrono_literals;
  EXPECT_EQ(link_of_wires("wire").impairment, (Impairment{10ms, 500us, 1, 0.1, 25, 10'000'000}));
  EXPECT_EQ(link_of_wires("mac0").impairment, std::nullopt);
}

TEST(Decode, NetworksOfTwoKinds) {
  Topology topology = parse_good("wires.yaml");
  EXPECT_EQ(topology.find_network("wire")->kind, NetworkKind::point_to_point);
  EXPECT_EQ(topology.find_network("lan")->kind, NetworkKind::bridge);
}

TEST(Decode, RulesAndRoutesOfOtherTables) {
  Topology topology = parse_good("wires.yaml");
  const Node& left = *topology.find_node("left");
  std::vector<std::string> rules;
  for (const Rule& rule : left.rules) rules.push_back(netlink::rule_words(rule.rule));
  EXPECT_THAT(rules, ElementsAre("from 10.20.0.0/24 lookup 100 priority 1000", "from all to fd00:40::/64 lookup main",
                                 "from all fwmark 0x10/0xf0 iif lo oif wire lookup 100"));
  EXPECT_EQ(left.routes[0].table, 100u);
  EXPECT_EQ(left.routes[1].mtu, 1200u);
  EXPECT_EQ(left.routes[2].type, "blackhole");
}

TEST(Decode, RulesetsAreTextAsItStands) {
  Topology topology = parse_good("wires.yaml");
  const Node& left = *topology.find_node("left");
  EXPECT_EQ(left.ipset, "create banned hash:ip\nadd banned 10.0.0.9\n");
  EXPECT_EQ(left.iptables, "*filter\nCOMMIT\n");
  EXPECT_EQ(left.ip6tables, "*nat\nCOMMIT\n");
  EXPECT_EQ(left.nftables, "table inet x {\n  chain y {}\n}\n");
}

TEST(Decode, Routes) {
  const std::vector<Route>& routes = node("client").routes;
  ASSERT_EQ(routes.size(), 5u);
  EXPECT_EQ(routes[0].destination.to_string(), "10.10.0.1/32");
  EXPECT_EQ(routes[0].via->to_string(), "192.168.113.101");
  EXPECT_EQ(routes[0].at, (Location{19, 9}));
  EXPECT_TRUE(routes[1].destination.is_default());
  EXPECT_EQ(routes[1].metric, 100u);
  EXPECT_TRUE(routes[2].onlink);
  EXPECT_EQ(routes[2].device, "lan");
  EXPECT_FALSE(routes[3].via);
  EXPECT_EQ(routes[3].source->to_string(), "192.168.113.102");
  EXPECT_EQ(routes[4].via->to_string(), "fd00:113::101");
}

TEST(Decode, SysctlsAsTheyAreWritten) {
  std::vector<std::pair<std::string, std::string>> sysctls;
  for (const auto& [name, value] : node("ds").sysctls) sysctls.emplace_back(name.value, value);
  EXPECT_THAT(sysctls, ElementsAre(Pair("net.ipv4.ip_forward", "1"), Pair("net.ipv4.conf.lan/100.rp_filter", "0"),
                                   Pair("net.ipv4.tcp_rmem", "4096 87380 6291456")));
}

TEST(Decode, VirtualServices) {
  const std::vector<IpvsService>& services = node("ds").ipvs;
  ASSERT_EQ(services.size(), 4u);
  EXPECT_EQ(services[0].protocol, "tcp");
  EXPECT_EQ(services[0].address.to_string(), "10.10.0.1");
  EXPECT_EQ(services[0].port, 8410);
  EXPECT_EQ(services[0].scheduler, "wrr");
  EXPECT_EQ(services[0].forward, Forwarding::nat);
  EXPECT_EQ(services[0].persistent, Duration(300000));
  ASSERT_EQ(services[0].servers.size(), 2u);
  EXPECT_EQ(services[0].servers[0].address.to_string(), "192.168.113.99");
  EXPECT_EQ(services[0].servers[0].port, 8080);
  EXPECT_EQ(services[0].servers[0].weight, 1u);
  EXPECT_EQ(services[0].servers[1].weight, 3u);
  EXPECT_EQ(services[1].protocol, "udp");
  EXPECT_EQ(services[1].forward, Forwarding::dr);
  EXPECT_EQ(services[1].scheduler, "rr");
  EXPECT_FALSE(services[1].persistent);
  EXPECT_EQ(services[2].address.to_string(), "fd00:10::1");
  EXPECT_EQ(services[2].servers[0].address.to_string(), "fd00:113::99");
  EXPECT_EQ(services[3].forward, Forwarding::tun);
  EXPECT_THAT(services[3].servers, IsEmpty());
}

// ---- workloads

TEST(Decode, BuiltInServers) {
  const auto& web = std::get<Serve>(workload("web").what);
  EXPECT_EQ(web.protocol, "http");
  EXPECT_EQ(web.port, 8080);
  EXPECT_EQ(std::get<Serve>(workload("names").what).protocol, "udp");
}

TEST(Decode, BuiltInServerHasAPortOfItsOwn) {
  Topology topology = parse("version: 1\nname: x\nnodes: {a: {workloads: {web: {serve: http}}}}\n", "x");
  EXPECT_EQ(std::get<Serve>(topology.nodes[0].workloads[0].what).port, 8080);
}

TEST(Decode, CommandsAsWordsAndAsText) {
  EXPECT_THAT(std::get<topology::Run>(workload("database").what).arguments, ElementsAre("mariadbd", "--port", "3306"));
  EXPECT_THAT(std::get<topology::Run>(workload("shell").what).arguments,
              ElementsAre("sh", "-c", "sleep 1; exec nginx"));
  EXPECT_THAT(std::get<topology::Run>(workload("once").what).arguments, ElementsAre("sh", "-c", "true"));
}

TEST(Decode, EnvironmentIsText) {
  EXPECT_THAT(workload("names").environment,
              ElementsAre(Pair("DEBUG", "1"), Pair("EMPTY", ""), Pair("LANG", "C"), Pair("QUIET", "true")));
}

TEST(Decode, OrderOfWorkloads) {
  EXPECT_THAT(values(workload("shell").after), ElementsAre("database"));
  EXPECT_THAT(values(workload("http").after), ElementsAre("database", "web"));
  EXPECT_THAT(workload("web").after, IsEmpty());
}

TEST(Decode, ReadyConditions) {
  EXPECT_FALSE(workload("web").ready);
  EXPECT_EQ(std::get<Ready::Log>(workload("database").ready->condition).pattern, "ready for connections$");
  EXPECT_EQ(workload("database").ready->within, Duration(30000));
  EXPECT_EQ(std::get<Ready::File>(workload("shell").ready->condition).path, "/run/nginx.pid");
  EXPECT_EQ(workload("shell").ready->within, Duration(20000));
  EXPECT_EQ(std::get<Ready::Http>(workload("http").ready->condition).port, 90);
  EXPECT_EQ(std::get<Ready::Http>(workload("http").ready->condition).path, "/");
  EXPECT_EQ(std::get<Ready::Tcp>(workload("tcp").ready->condition).port, 91);
  EXPECT_TRUE(std::holds_alternative<Ready::Exit>(workload("once").ready->condition));
}

TEST(Decode, Restart) {
  EXPECT_EQ(workload("shell").restart, Restart::on_failure);
  EXPECT_EQ(workload("http").restart, Restart::always);
  EXPECT_EQ(workload("tcp").restart, Restart::never);
  EXPECT_EQ(workload("web").restart, Restart::never);
}

// ---- mounts

TEST(Decode, MountsAreSeenAtTheSamePlaceUnlessSaid) {
  ASSERT_EQ(everything().mounts.size(), 2u);
  EXPECT_EQ(everything().mounts[0].source, "/usr/share/doc");
  EXPECT_EQ(everything().mounts[0].target, "/srv/doc");
  EXPECT_EQ(everything().mounts[1].target, "/usr/share/man");
  EXPECT_FALSE(everything().mounts[1].writable);
}

// ---- the scenario

TEST(Decode, ReachThatSucceeds) {
  EXPECT_EQ(everything().scenario[0].name, "replies alternate");
  const auto& reach = expectation<Reach>(0);
  EXPECT_EQ(reach.from.value, "client");
  EXPECT_EQ(reach.protocol, "http");
  EXPECT_EQ(reach.target, "http://10.10.0.1:8410/");
  EXPECT_EQ(reach.fails, Failure::none);
  EXPECT_EQ(reach.requests, 4u);
  EXPECT_EQ(reach.timeout, Duration(2000));
  EXPECT_EQ(reach.status, 200u);
  EXPECT_EQ(reach.body, "hello");
  EXPECT_THAT(reach.answered_by, ElementsAre("rs1", "rs2"));
  EXPECT_EQ(reach.sees, "192.168.113.102");
  EXPECT_EQ(step<Expect>(everything(), 0).within, Duration(10000));
}

TEST(Decode, ReachThatFails) {
  EXPECT_EQ(expectation<Reach>(1).protocol, "tcp");
  EXPECT_EQ(expectation<Reach>(1).fails, Failure::timeout);
  EXPECT_EQ(expectation<Reach>(1).requests, 1u);
  EXPECT_FALSE(step<Expect>(everything(), 1).within);
  EXPECT_EQ(expectation<Reach>(2).protocol, "udp");
  EXPECT_THAT(values(expectation<Reach>(2).answered_on), ElementsAre("rs1"));
  EXPECT_EQ(expectation<Reach>(3).protocol, "ping");
  EXPECT_EQ(expectation<Reach>(3).fails, Failure::unreachable);
}

TEST(Decode, StatesOfANode) {
  EXPECT_EQ(expectation<CommandOutcome>(4).command, "ip route get 10.10.0.1");
  EXPECT_EQ(expectation<CommandOutcome>(4).prints, "^local");
  EXPECT_EQ(expectation<IpvsTable>(5).service, "tcp://10.10.0.1:8410");
  EXPECT_THAT(*expectation<IpvsTable>(5).servers, ElementsAre("192.168.113.99:8080", "192.168.113.100:8080"));
  EXPECT_EQ(expectation<IpvsTable>(6).count, 2u);
  EXPECT_EQ(expectation<IpsetMembers>(7).set, "SOME-SET");
  EXPECT_THAT(expectation<IpsetMembers>(7).contains, ElementsAre("10.0.0.1,tcp:80"));
  EXPECT_THAT(expectation<ConntrackEntry>(8).fields, ElementsAre("src=192.168.113.102", "dst=10.10.0.1", "[ASSURED]"));
  EXPECT_EQ(expectation<RuleCounter>(9).table, "nat");
  EXPECT_EQ(expectation<RuleCounter>(9).rule, "--vaddr 10.10.0.1");
  EXPECT_EQ(expectation<RuleCounter>(9).packets, 0u);
  EXPECT_EQ(expectation<RuleCounter>(10).table, "filter");
  EXPECT_EQ(expectation<RuleCounter>(10).at_least, 1u);
}

TEST(Decode, Actions) {
  EXPECT_EQ(step<Do>(everything(), 11).on.value, "ds");
  EXPECT_EQ(step<Do>(everything(), 11).command, "sysctl -w net.ipv4.vs.conntrack=1");
}

TEST(Decode, FaultsAndHealing) {
  auto fault = [](size_t index) { return step<Inject>(everything(), index).what; };
  auto target = [&](size_t index) { return std::get<TargetFault>(fault(index)); };
  EXPECT_EQ(target(12).what, TargetFault::What::kill);
  EXPECT_EQ(target(12).target.kind, Target::Kind::process);
  EXPECT_EQ(target(12).target.name.value, "web@rs1");
  EXPECT_EQ(target(13).target.kind, Target::Kind::node);
  EXPECT_EQ(target(14).what, TargetFault::What::restart);
  EXPECT_EQ(target(15).what, TargetFault::What::pause);
  EXPECT_EQ(std::get<LinkFault>(fault(16)).link.value, "ds:lan");
  EXPECT_FALSE(std::get<LinkFault>(fault(16)).up);
  auto partition = std::get<Partition>(fault(17));
  EXPECT_THAT(values(partition.groups.at(0)), ElementsAre("client", "ds"));
  EXPECT_THAT(values(partition.networks), ElementsAre("lan"));
  EXPECT_EQ(std::get<Partition>(fault(18)).groups.size(), 2u);
  auto impair = std::get<Impair>(fault(27));
  EXPECT_EQ(impair.link.value, "ds:lan");
  EXPECT_EQ(impair.impairment.loss, 10);
  EXPECT_TRUE(step<Heal>(everything(), 19).what.has_value());
  EXPECT_FALSE(step<Heal>(everything(), 20).what.has_value());
  EXPECT_EQ(step<Wait>(everything(), 21).time, Duration(100));
}

TEST(Decode, PeriodsAndCounts) {
  EXPECT_EQ(step<Expect>(everything(), 22).always, Duration(5000));
  EXPECT_EQ(expectation<Reach>(22).answers.at(0).first, "rs1");
  EXPECT_EQ(expectation<Reach>(22).answers.at(0).second.least, 1u);
  EXPECT_EQ(expectation<Reach>(22).answers.at(1).second.most, 2u);
  EXPECT_EQ(step<Expect>(everything(), 23).never, Duration(5000));
  EXPECT_EQ(expectation<ProcessStatus>(23).state, "ready");
  EXPECT_EQ(expectation<ProcessStatus>(23).restarts, 1u);
  EXPECT_EQ(expectation<ConntrackEntry>(24).count, 0u);
}

// They are compared with what the kernel says as text.
TEST(Decode, AddressesOfExpectationsAreWrittenInOneWay) {
  Topology topology = parse(
      "version: 1\nname: lab\nnetworks: {lan: {subnet: 10.0.0.0/24}}\nnodes: {a: {links: {lan: 10.0.0.1}}}\n"
      "scenario:\n"
      "  - expect: {on: a, link: lan, mac: \"02:00:00:00:00:0A\"}\n"
      "  - expect: {on: a, neighbour: \"fd00:0:0::2\", mac: \"02:00:00:00:00:0B\"}\n"
      "  - expect: {from: a, http: \"http://10.0.0.1/\", sees: \"fd00:0::1\"}\n"
      "  - expect: {on: a, fdb: \"02:00:00:00:00:0C dst FD00::3\"}\n"
      "  - expect: {on: a, ipvs: \"tcp://[fd00:0::1]:80\", servers: [\"[fd00:0::2]:80\", \"${node:a:ip}:80\"]}\n"
      "  - expect: {from: a, dns: x, type: AAAA, records: \"fd00:0::4\"}\n"
      "  - expect: {from: a, dns: x, type: TXT, records: \"fd00:0::4\"}\n"
      "  - expect: {on: a, conntrack: \"tcp src=FD00:0::5\"}\n"
      "  - expect: {on: a, route: \"10.1.0.1/32 via fd00:0::6 table 100\"}\n"
      "  - expect: {on: a, route: \"0.0.0.0/0\"}\n",
      "x.yaml");
  auto expected = [&](size_t index) { return step<Expect>(topology, index).what; };
  EXPECT_EQ(std::get<LinkState>(expected(0)).mac, "02:00:00:00:00:0a");
  EXPECT_EQ(std::get<NeighbourEntry>(expected(1)).address, "fd00::2");
  EXPECT_EQ(std::get<NeighbourEntry>(expected(1)).mac, "02:00:00:00:00:0b");
  EXPECT_EQ(std::get<Reach>(expected(2)).sees, "fd00::1");
  EXPECT_EQ(std::get<ForwardingEntry>(expected(3)).mac, "02:00:00:00:00:0c");
  EXPECT_EQ(std::get<ForwardingEntry>(expected(3)).destination, "fd00::3");
  EXPECT_EQ(std::get<IpvsTable>(expected(4)).service, "tcp://[fd00::1]:80");
  EXPECT_THAT(*std::get<IpvsTable>(expected(4)).servers, ElementsAre("[fd00::2]:80", "${node:a:ip}:80"));
  EXPECT_THAT(*std::get<DnsAnswer>(expected(5)).records, ElementsAre("fd00::4"));
  EXPECT_THAT(*std::get<DnsAnswer>(expected(6)).records, ElementsAre("fd00:0::4")) << "a text, not an address";
  EXPECT_THAT(std::get<ConntrackEntry>(expected(7)).fields, ElementsAre("tcp", "src=fd00::5"));
  EXPECT_THAT(std::get<RouteEntry>(expected(8)).words, ElementsAre("10.1.0.1", "via", "fd00::6", "table", "100"));
  EXPECT_THAT(std::get<RouteEntry>(expected(9)).words, ElementsAre("default"));
}

TEST(Decode, GatewaysThatARouteOfTheNodeOrALinkReaches) {
  Topology topology = parse(
      "version: 1\nname: lab\nnetworks: {lan: {subnet: 10.0.0.0/24}}\nnodes: {a: {links: {lan: 10.0.0.1}, routes: "
      "[\"default via fe80::1 dev lan\", 10.9.9.9 dev lan, default via 10.9.9.9]}}\n",
      "x.yaml");
  EXPECT_EQ(topology.nodes[0].routes[0].destination.to_string(), "::/0");
  EXPECT_EQ(topology.nodes[0].routes[2].destination.to_string(), "0.0.0.0/0");
}

TEST(Decode, QuestionsToNameServers) {
  const auto answer = expectation<DnsAnswer>(25);
  EXPECT_EQ(answer.name, "web.lab");
  EXPECT_EQ(answer.type, "AAAA");
  EXPECT_EQ(answer.server, "10.0.0.1:5353");
  EXPECT_THAT(*answer.records, ElementsAre("fd00::1"));
  EXPECT_THAT(answer.contains, ElementsAre("fd00::1"));
  EXPECT_EQ(expectation<DnsAnswer>(26).type, "A");
  EXPECT_EQ(expectation<DnsAnswer>(26).fails, Failure::nxdomain);
}

// ---- clusters

TEST(Decode, Cluster) {
  Topology topology = parse_good("cluster.yaml");
  const Cluster& cluster = *topology.cluster;
  EXPECT_EQ(cluster.control_plane.value, "cp");
  EXPECT_THAT(values(cluster.workers), ElementsAre("worker1", "worker2"));
  EXPECT_EQ(cluster.network.value, "lan");
  EXPECT_EQ(cluster.pod_cidr.value.to_string(), "10.244.0.0/16");
  EXPECT_EQ(cluster.service_cidr.value.to_string(), "10.108.0.0/16");
  EXPECT_EQ(cluster.proxy.mode, "ipvs");
  EXPECT_EQ(cluster.proxy.scheduler, "wrr");
  EXPECT_EQ(cluster.proxy.run, "/opt/my-proxy --master=$API");
  EXPECT_EQ(cluster.overlay.backend, "vxlan");
  EXPECT_TRUE(cluster.overlay.enabled);
  EXPECT_EQ(step<Kubectl>(topology, 0).arguments, "scale deployment web --replicas=4");
  EXPECT_EQ(std::get<TargetFault>(step<Inject>(topology, 1).what).target.kind, Target::Kind::pod);
}

TEST(Decode, ClusterHasRangesOfItsOwn) {
  Topology topology = parse(
      "version: 1\nname: x\nnetworks: {lan: {subnet: 10.0.0.0/24}}\nnodes: {cp: {links: {lan: 10.0.0.1}}}\n"
      "cluster: {controlPlane: cp, workers: [cp], network: lan}\n",
      "x");
  EXPECT_EQ(topology.cluster->pod_cidr.value.to_string(), "10.244.0.0/16");
  EXPECT_EQ(topology.cluster->service_cidr.value.to_string(), "10.108.0.0/16");
}

TEST(Decode, ManifestsByPathAndInline) {
  Topology topology = parse_good("cluster.yaml");
  ASSERT_EQ(topology.manifests.size(), 3u);
  EXPECT_EQ(topology.manifests[0].path, "more.yaml");
  EXPECT_EQ(topology.manifests[0].source, "more.yaml");
  EXPECT_EQ(topology.manifests[1].source, "cluster.yaml:20");
  EXPECT_EQ(topology.manifests[1].json,
            R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"type":"NodePort",)"
            R"("selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080,"nodePort":30080}],)"
            R"("publishNotReadyAddresses":false}})");
}

TEST(Decode, ManifestsKeepTheTypesOfYaml) {
  Topology topology = parse(
      "version: 1\nname: x\nnetworks: {lan: {subnet: 10.0.0.0/24}}\nnodes: {cp: {links: {lan: 10.0.0.1}}}\n"
      "cluster: {controlPlane: cp, workers: [cp], network: lan}\n"
      "manifests: [{apiVersion: v1, kind: K, metadata: {name: n},\n"
      "  values: [1, -2, '3', 010, 18446744073709551615, -9223372036854775808, true, 'true', ~, yes, 1.5Gi, \"\"]}]\n",
      "x");
  EXPECT_THAT(topology.manifests[0].json,
              testing::HasSubstr(R"("values":[1,-2,"3","010",18446744073709551615,-9223372036854775808,true,"true",)"
                                 R"(null,"yes","1.5Gi",""])"));
}

// ---- YAML

TEST(Decode, AnchorsAliasesAndMergeKeys) {
  Topology topology = parse_good("anchors.yaml");
  auto sysctls = [&](size_t index) {
    std::vector<std::string> shown;
    for (const auto& [name, value] : topology.nodes[index].sysctls) shown.push_back(name.value + "=" + value);
    return shown;
  };
  EXPECT_THAT(sysctls(1), ElementsAre("net.ipv4.ip_forward=1", "net.ipv4.ip_default_ttl=32"));
  EXPECT_THAT(texts(topology.nodes[1].links[0].addresses), ElementsAre("10.0.0.2/24"));
  EXPECT_THAT(sysctls(2), ElementsAre("net.ipv4.ip_default_ttl=16", "net.ipv4.ip_forward=1"));
}

TEST(Decode, FilesOfOtherSystems) {
  EXPECT_EQ(parse("\xef\xbb\xbfversion: 1\r\nname: windows\r\nnodes: {a: {}}\r\n", "x").name.value, "windows");
  EXPECT_EQ(parse("---\nversion: 1\nname: marked\n...\n", "x").name.value, "marked");
  EXPECT_EQ(parse("{\"version\": 1, \"name\": \"json\"}", "x").name.value, "json");
}

TEST(Decode, NothingIsNeededButVersionAndName) {
  Topology topology = parse("version: 1\nname: x\nnodes:\nnetworks:\n", "x");
  EXPECT_THAT(topology.nodes, IsEmpty());
  EXPECT_THAT(topology.scenario, IsEmpty());
}

}  // namespace
