#include "agents/overlay/overlay.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>

#include "lib/base/file_descriptor.h"
#include "tests/unit/agents/overlay/two_nodes.h"
#include "tests/unit/agents/real_api_server.h"

namespace overlay {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// The whole agent of worker1, against the API server, in a network namespace where `lan` leads to worker2.
class OverlayTest : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    char pattern[] = "/tmp/labctl-test-overlay-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    socket_ = std::make_unique<netlink::Socket>();
    two_ = std::make_unique<TestNode>(2);
    netlink::NewLink lan;
    lan.name = "lan";
    netlink::create_veth(*socket_, lan, lan, two_->network_namespace);
    netlink::set_link_up(*socket_, "lan");
    netlink::add_address(*socket_, "lan", prefix("192.168.113.11/24"));
    try {
      netlink::NewLink probe;
      probe.name = "probe";
      netlink::create_vxlan(*socket_, probe, {9, 4789, std::nullopt, std::nullopt, false});
      netlink::delete_link(*socket_, "probe");
    } catch (const base::Error& error) {
      GTEST_SKIP() << "no vxlan in this kernel: " << error.what();
    }
    api_ = std::make_unique<RealApiServer>(loop_);
    start_overlay();
  }
  void TearDown() override {
    overlay_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void start_overlay(const std::string& backend = "vxlan") {
    Options options;
    options.api = api_->url();
    options.node = "worker1";
    options.interface = "lan";
    options.network = prefix("10.244.0.0/16");
    options.backend = backend;
    options.ip_masquerade = true;
    options.subnet_file = folder_ + "/subnet.env";
    overlay_ = std::make_unique<Overlay>(loop_, options, log_);
    overlay_->start();
  }

  void create_node(const std::string& name, const std::string& pod_cidr = {}) {
    api_->create("nodes", R"({"metadata": {"name": ")" + name + R"("}, "spec": {)" +
                              (pod_cidr.empty() ? "" : R"("podCIDR": ")" + pod_cidr + "\"") + "}}");
  }
  void announce_worker2(const std::string& address = "192.168.113.12") {
    api_->patch("nodes", "worker2",
                R"({"metadata": {"annotations": {"flannel.alpha.coreos.com/kube-subnet-manager": "true",
                  "flannel.alpha.coreos.com/backend-type": "vxlan",
                  "flannel.alpha.coreos.com/backend-data": "{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:02\"}",
                  "flannel.alpha.coreos.com/public-ip": ")" +
                    address + "\"}}}");
  }
  bool route_exists() {
    for (const netlink::RouteInfo& route : netlink::list_routes(*socket_)) {
      if (route.destination == prefix("10.244.2.0/24")) return true;
    }
    return false;
  }
  bool announced() {
    kube::Node node = kube::Node::parse(api_->at("nodes", "worker1"));
    for (const kube::Condition& condition : node.conditions) {
      if (condition.type == "NetworkUnavailable" && condition.status == "False") return lease_of(node).has_value();
    }
    return false;
  }
  bool logged(const std::string& text) { return log_.str().find(text) != std::string::npos; }
  template <class Condition>
  bool eventually(Condition&& condition, std::chrono::milliseconds limit = 10s) {
    return run_until(loop_, condition, limit);
  }

  std::string folder_;
  boost::asio::io_context loop_{1};
  std::ostringstream log_;
  std::unique_ptr<netlink::Socket> socket_;
  std::unique_ptr<TestNode> two_;
  std::unique_ptr<RealApiServer> api_;
  std::unique_ptr<Overlay> overlay_;
};

TEST_F(OverlayTest, SaysWhatItWaitsFor) {
  EXPECT_TRUE(eventually([&] { return logged("there is no node worker1 yet"); })) << log_.str();
  create_node("worker1");
  EXPECT_TRUE(eventually([&] { return logged("node worker1 has no podCIDR yet"); })) << log_.str();
  EXPECT_FALSE(netlink::find_link(*socket_, "flannel.1"));
}

TEST_F(OverlayTest, AnnouncesItsNodeWhenItsNetworkIsUp) {
  create_node("worker1", "10.244.1.0/24");
  ASSERT_TRUE(eventually([&] { return announced(); })) << log_.str();
  std::optional<Lease> lease = lease_of(kube::Node::parse(api_->at("nodes", "worker1")));
  EXPECT_EQ(lease->public_ip, ip("192.168.113.11"));
  EXPECT_EQ(lease->backend_type, "vxlan");
  EXPECT_THAT(lease->backend_data, HasSubstr(netlink::get_link(*socket_, "flannel.1").mac.to_string()));
  EXPECT_THAT(base::read_file(folder_ + "/subnet.env"), HasSubstr("FLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\n"));
  netfilter::Iptables iptables = netfilter::Iptables::choose();
  EXPECT_EQ(iptables.rules("nat").count("FLANNEL-POSTRTG"), 1u);
  EXPECT_EQ(iptables.rules("filter").count("FLANNEL-FWD"), 1u);
}

TEST_F(OverlayTest, FollowsTheOtherNodes) {
  create_node("worker1", "10.244.1.0/24");
  create_node("worker2", "10.244.2.0/24");
  ASSERT_TRUE(eventually([&] { return announced(); }));
  EXPECT_FALSE(route_exists()) << "nobody has announced worker2 yet";
  announce_worker2();
  EXPECT_TRUE(eventually([&] { return route_exists(); }));
  announce_worker2("192.168.113.99");
  EXPECT_TRUE(eventually([&] {
    for (const netlink::NeighbourInfo& entry : netlink::list_neighbours(*socket_, AF_BRIDGE)) {
      if (entry.address == ip("192.168.113.99")) return true;
    }
    return false;
  }));
  api_->remove("nodes", "worker2");
  EXPECT_TRUE(eventually([&] { return !route_exists(); }));
}

// Sooner than the next look at everything would come: the kernel tells of it.
TEST_F(OverlayTest, MendsByEvent) {
  create_node("worker1", "10.244.1.0/24");
  create_node("worker2", "10.244.2.0/24");
  announce_worker2();
  ASSERT_TRUE(eventually([&] { return route_exists() && announced(); }));
  netlink::MacAddress mac = *netlink::MacAddress::parse("02:00:00:00:00:02");
  auto has_entry = [&](int family) {
    for (const netlink::NeighbourInfo& entry : netlink::list_neighbours(*socket_, family)) {
      if (entry.permanent && entry.mac == mac) return true;
    }
    return false;
  };
  auto is_whole = [&] { return route_exists() && has_entry(AF_INET) && has_entry(AF_BRIDGE); };
  const std::function<void()> damages[] = {
      [&] {
        netlink::delete_route(*socket_,
                              {prefix("10.244.2.0/24"), std::nullopt, "flannel.1", std::nullopt, false, std::nullopt});
      },
      [&] { netlink::delete_neighbour(*socket_, "flannel.1", ip("10.244.2.0")); },
      [&] { netlink::delete_forwarding_entry(*socket_, "flannel.1", mac, ip("192.168.113.12")); },
      [&] { netlink::set_link_up(*socket_, "flannel.1", false); },
      [&] { netlink::delete_link(*socket_, "flannel.1"); },
  };
  for (const auto& damage : damages) {
    run_for(loop_, 100ms);  // nothing of what was before is still on its way
    damage();
    EXPECT_FALSE(is_whole());
    EXPECT_TRUE(eventually(is_whole, 2s));
  }
}

TEST_F(OverlayTest, SettlesDown) {
  create_node("worker1", "10.244.1.0/24");
  create_node("worker2", "10.244.2.0/24");
  announce_worker2();
  ASSERT_TRUE(eventually([&] { return route_exists() && announced(); }));
  run_for(loop_, 200ms);
  std::string before = log_.str();
  std::string version = kube::text_at(api_->at("nodes", "worker1"), "metadata.resourceVersion");
  run_for(loop_, 1s);
  EXPECT_EQ(log_.str(), before) << "it does not come to rest";
  EXPECT_EQ(kube::text_at(api_->at("nodes", "worker1"), "metadata.resourceVersion"), version);
}

TEST_F(OverlayTest, GoesOnWithoutTheApiServer) {
  create_node("worker1", "10.244.1.0/24");
  create_node("worker2", "10.244.2.0/24");
  announce_worker2();
  ASSERT_TRUE(eventually([&] { return route_exists() && announced(); }));
  api_->stop();
  EXPECT_TRUE(eventually([&] { return logged("lost the API"); }));
  EXPECT_TRUE(route_exists());
  netlink::delete_link(*socket_, "flannel.1");
  EXPECT_TRUE(eventually([&] { return route_exists(); }, 3s)) << "it mends only with an API server";
}

TEST_F(OverlayTest, AnnouncesItselfAnewToAnApiServerThatLostEverything) {
  create_node("worker1", "10.244.1.0/24");
  ASSERT_TRUE(eventually([&] { return announced(); }));
  std::string data = lease_of(kube::Node::parse(api_->at("nodes", "worker1")))->backend_data;
  api_->lose_everything();
  create_node("worker1", "10.244.3.0/24");
  ASSERT_TRUE(eventually([&] { return announced(); }));
  EXPECT_EQ(lease_of(kube::Node::parse(api_->at("nodes", "worker1")))->backend_data, data);
  EXPECT_TRUE(eventually([&] {
    return base::read_file(folder_ + "/subnet.env").find("FLANNEL_SUBNET=10.244.3.1/24") != std::string::npos;
  }));
}

TEST_F(OverlayTest, RefusesASubnetOfAnotherNetworkAndOneThatIsTakenTwice) {
  create_node("worker1", "10.99.1.0/24");
  EXPECT_TRUE(eventually([&] {
    return logged("the podCIDR 10.99.1.0/24 of node worker1 is not part of the network 10.244.0.0/16");
  })) << log_.str();
  EXPECT_FALSE(netlink::find_link(*socket_, "flannel.1"));
}

TEST_F(OverlayTest, DoesNotGiveItsOwnSubnetAway) {
  create_node("worker1", "10.244.2.0/24");
  create_node("worker2", "10.244.2.0/24");
  announce_worker2();
  EXPECT_TRUE(eventually([&] { return logged("its subnet 10.244.2.0/24 is also this node's"); })) << log_.str();
  EXPECT_FALSE(route_exists());
}

TEST_F(OverlayTest, RefusesAnUnknownBackendAtOnce) {
  EXPECT_THROW(start_overlay("wireguard"), base::Error);
}

}  // namespace
}  // namespace overlay
