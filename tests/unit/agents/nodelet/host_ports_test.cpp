#include "agents/nodelet/host_ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "agents/nodelet/bridge.h"
#include "lib/base/error.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/agents/nodelet/objects.h"
#include "tests/unit/private_network.h"

namespace nodelet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

netlink::Prefix prefix(const std::string& text) {
  return *netlink::Prefix::parse(text);
}

const PortMapping web{"10.244.1.2", "10.244.1.0/24", {{"tcp", 8410, "", 8080}}};

TEST(HostPorts, AreThoseOfAPodsContainers) {
  const std::string containers = R"("containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080},
    {"containerPort": 81}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP", "hostIP": "192.168.113.11"},
    {"containerPort": 9, "hostPort": 9, "hostIP": "0.0.0.0"}]}])";
  EXPECT_THAT(
      host_ports_of(parse_pod("{" + containers + "}")),
      ElementsAre(HostPort{"tcp", 8080, "", 80}, HostPort{"udp", 53, "192.168.113.11", 53}, HostPort{"tcp", 9, "", 9}));
  EXPECT_THAT(host_ports_of(parse_pod(R"({"hostNetwork": true, )" + containers + "}")), IsEmpty());
}

TEST(HostPorts, HaveThePortmapPluginsChains) {
  std::string chain = host_port_chain("default/web");
  EXPECT_EQ(chain.size(), 28u) << "the longest name that the kernel takes";
  std::string text = host_port_table({{"default/web", web}}, {}).text();
  EXPECT_THAT(text, HasSubstr("-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n"));
  EXPECT_THAT(text, HasSubstr("-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n"));
  EXPECT_THAT(text, HasSubstr("-A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 8410 -m comment --comment \"dnat name: "
                              "\\\"cbr0\\\" id: \\\"default/web\\\"\" -j " +
                              chain + "\n"));
  EXPECT_THAT(text,
              HasSubstr("-A " + chain + " -s 10.244.1.0/24 -p tcp -m tcp --dport 8410 -j CNI-HOSTPORT-SETMARK\n"));
  EXPECT_THAT(text,
              HasSubstr("-A " + chain + " -p tcp -m tcp --dport 8410 -j DNAT --to-destination 10.244.1.2:8080\n"));
}

// A node, a client outside, and a pod behind the node's bridge.
class HostPortsTest : public PrivateNetwork {
 protected:
  struct Machine {
    base::FileDescriptor network_namespace = netlink::create_network_namespace();
    netlink::Socket socket = netlink::Socket::open_in(network_namespace);
  };

  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    try {
      iptables_ = netfilter::Iptables::choose();
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
    socket_ = std::make_unique<netlink::Socket>();
    client_ = std::make_unique<Machine>();
    pod_ = std::make_unique<Machine>();
    netlink::NewLink bridge;
    bridge.name = bridge_name;
    bridge.up = true;
    netlink::create_bridge(*socket_, bridge);
    netlink::add_address(*socket_, bridge_name, prefix("10.244.1.1/24"));
    connect("lan", *client_, "192.168.113.11/24", "192.168.113.102/24");
    connect("veth0", *pod_, "", "10.244.1.2/24");
    netlink::set_link_master(*socket_, "veth0", netlink::get_link(*socket_, bridge_name).index);
    netlink::add_route(pod_->socket, {{}, *netlink::IpAddress::parse("10.244.1.1"), "eth0", {}, false, {}});
    netlink::write_sysctl("net.ipv4.ip_forward", "1");
    netlink::in_namespace(pod_->network_namespace, [&] { listen(); });
  }
  void connect(const std::string& name, Machine& other, const std::string& here, const std::string& there) {
    netlink::NewLink near, far;
    near.name = name;
    near.up = true;
    far.name = "eth0";
    netlink::create_veth(*socket_, near, far, other.network_namespace);
    netlink::set_link_up(other.socket, "lo");
    netlink::set_link_up(other.socket, "eth0");
    if (!here.empty()) netlink::add_address(*socket_, name, prefix(here));
    netlink::add_address(other.socket, "eth0", prefix(there));
  }
  static sockaddr_in at(const std::string& address, std::uint16_t port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &name.sin_addr);
    return name;
  }
  void listen() {
    server_ = base::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name = at("10.244.1.2", 8080);
    base::check_system("bind", ::bind(server_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name));
    base::check_system("listen", ::listen(server_.get(), 8));
  }
  // Whether ADDRESS:8410 leads to the pod, seen from the thread's namespace; and as whom the pod sees the client.
  bool reaches(const std::string& address) {
    base::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval limit{0, 700000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in name = at(address, 8410);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) < 0) return false;
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    base::FileDescriptor accepted(::accept4(server_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
    seen_ = netlink::IpAddress(AF_INET, &peer.sin_addr).to_string();
    return true;
  }
  void earlier_run(const std::vector<std::string>& pods) {
    HostPorts ports;
    ports.begin(false);
    for (const std::string& pod : pods) ports.set(pod, web);
  }
  bool client_reaches() {
    bool result = false;
    netlink::in_namespace(client_->network_namespace, [&] { result = reaches("192.168.113.11"); });
    return result;
  }

  std::unique_ptr<netlink::Socket> socket_;  // opened where the test is
  std::optional<netfilter::Iptables> iptables_;
  std::unique_ptr<Machine> client_, pod_;
  base::FileDescriptor server_;
  std::string seen_;
};

TEST_F(HostPortsTest, LeadFromOutsideToThePodUntilTheyAreTakenAway) {
  EXPECT_FALSE(client_reaches());
  HostPorts ports;
  ports.begin(false);
  ports.set("default/web", web);
  EXPECT_TRUE(client_reaches());
  EXPECT_EQ(seen_, "192.168.113.102") << "a client from outside is seen as itself";
  EXPECT_TRUE(reaches("127.0.0.1")) << "from the node's own loopback";
  ports.remove("default/web");
  EXPECT_FALSE(client_reaches());
  EXPECT_EQ(iptables_->rules("nat").count(host_port_chain("default/web")), 0u);
}

TEST_F(HostPortsTest, AreWrittenOnceAndClearedOfWhatAnEarlierRunHasLeft) {
  earlier_run({"default/old"});
  HostPorts ports;
  ports.set("default/web", web);
  ports.begin(true);
  EXPECT_TRUE(ports.ensure());
  netfilter::IptablesRules rules = iptables_->rules("nat");
  EXPECT_EQ(rules["PREROUTING"].size(), 1u);
  EXPECT_EQ(rules["POSTROUTING"].size(), 1u);
  EXPECT_EQ(rules["CNI-HOSTPORT-DNAT"].size(), 1u);
  EXPECT_EQ(rules.count(host_port_chain("default/old")), 0u);
  EXPECT_EQ(rules.count(host_port_chain("default/web")), 1u);
}

// Whoever gets the pod's address next would be reached by them.
TEST_F(HostPortsTest, OfAnEarlierRunAreClearedWhereNoPodHasAnyNow) {
  earlier_run({"default/web"});
  HostPorts ports;
  ports.begin(true);
  EXPECT_TRUE(ports.ensure());
  EXPECT_FALSE(client_reaches());
  EXPECT_EQ(iptables_->rules("nat").count(host_port_chain("default/web")), 0u);
}

// A restart takes no port out of service, not even for the time until the last pod has been adopted.
TEST_F(HostPortsTest, OfAnEarlierRunStandUntilAllPodsAreKnown) {
  earlier_run({"default/other", "default/web"});
  netfilter::IptablesRules before = iptables_->rules("nat");
  HostPorts ports;
  ports.set("default/other", web);
  EXPECT_EQ(iptables_->rules("nat"), before);
  ports.set("default/web", web);
  ports.begin(true);
  EXPECT_FALSE(ports.ensure()) << "nothing is different";
  EXPECT_EQ(iptables_->rules("nat"), before);
}

TEST_F(HostPortsTest, ComeBackWhereSomebodyHasTakenThemAway) {
  HostPorts ports;
  ports.begin(false);
  ports.set("default/web",
            {"10.244.1.2", "10.244.1.0/24", {{"tcp", 8410, "", 8080}, {"udp", 53, "192.168.113.11", 53}}});
  EXPECT_FALSE(ports.ensure()) << "they are in place, in the very words";
  for (const char* damage : {"-F", "-F PREROUTING", "-F CNI-HOSTPORT-DNAT", "-F CNI-HOSTPORT-SETMARK"}) {
    iptables_->restore(std::string("*nat\n") + damage + "\nCOMMIT\n");
    EXPECT_TRUE(ports.ensure()) << damage;
    EXPECT_TRUE(client_reaches()) << damage;
    EXPECT_FALSE(ports.ensure()) << damage;
  }
}

TEST_F(HostPortsTest, APodWithoutThemTouchesNothing) {
  HostPorts ports;
  ports.begin(true);
  ports.set("default/web", {"10.244.1.2", "10.244.1.0/24", {}});
  ports.remove("default/web");
  ports.ensure();
  EXPECT_EQ(iptables_->rules("nat").count("CNI-HOSTPORT-DNAT"), 0u);
}

class BridgeTest : public HostPortsTest {};

TEST_F(BridgeTest, FollowsTheNodesSubnet) {
  EXPECT_THAT(align_bridge(*socket_, {prefix("10.244.1.0/24"), {}}), IsEmpty());
  EXPECT_THAT(align_bridge(*socket_, {prefix("10.244.7.0/24"), {}}), ElementsAre("10.244.1.1/24"));
  std::vector<std::string> addresses;
  std::uint32_t index = netlink::get_link(*socket_, bridge_name).index;
  for (const netlink::AddressInfo& info : netlink::list_addresses(*socket_)) {
    if (info.link == index && !info.address.address.is_v6()) addresses.push_back(info.address.to_string());
  }
  EXPECT_THAT(addresses, ElementsAre("10.244.7.1/24"));
  netlink::delete_link(*socket_, bridge_name);
  EXPECT_THAT(align_bridge(*socket_, {prefix("10.244.7.0/24"), {}}), IsEmpty()) << "it is made with the first pod";
}

}  // namespace
}  // namespace nodelet
