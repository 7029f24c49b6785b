// How the nodelet keeps its Node and its Lease.
#include <boost/json/array.hpp>
#include <fstream>

#include "lib/netlink/network_namespace.h"
#include "tests/unit/agents/nodelet/fixture.h"

namespace nodelet {
namespace {

using ::testing::HasSubstr;

class KernelTest : public PrivateNetwork {};

TEST_F(KernelTest, ForwardsForItsPods) {
  netlink::write_sysctl("net.ipv4.ip_forward", "0");
  const std::string bridge_netfilter = "net.bridge.bridge-nf-call-iptables";
  bool has_bridge_netfilter = netlink::has_sysctl(bridge_netfilter);
  if (has_bridge_netfilter) netlink::write_sysctl(bridge_netfilter, "0");
  prepare_kernel();
  EXPECT_EQ(netlink::read_sysctl("net.ipv4.ip_forward"), "1");
  if (has_bridge_netfilter) {
    EXPECT_EQ(netlink::read_sysctl(bridge_netfilter), "1");
  }
}

class RegistrationTest : public NodeletTest {
 protected:
  std::string not_ready_because() {
    kube::Node current = node();
    const kube::Condition* ready = kube::find_condition(current.conditions, "Ready");
    return ready == nullptr || ready->status == "True" ? "" : ready->reason + ": " + ready->message;
  }
  std::string renewed() {
    return kube::text_at(api_->at("leases.coordination.k8s.io", "kube-node-lease/worker1"), "spec.renewTime");
  }
  // So that a list must be made again.
  void forget_history_of(const std::string& collection) {
    api_->create(collection, R"({"metadata": {"name": "other"}})");
    for (size_t i = 0; i <= apiserver::Store::history_limit; ++i) {
      api_->patch(collection, "other", R"({"metadata": {"labels": {"i": ")" + std::to_string(i) + "\"}}}");
    }
  }
  void write_ready_file(const std::string& subnet) {
    std::ofstream(folder_ + "/subnet.env") << "FLANNEL_SUBNET=" << subnet << "\nFLANNEL_MTU=1450\n";
  }
};

TEST_F(RegistrationTest, BecomesReadyWithItsPodCidr) {
  start_nodelet();
  EXPECT_TRUE(eventually([&] { return not_ready_because().find("no podCIDR yet") != std::string::npos; }));
  EXPECT_THAT(not_ready_because(), HasSubstr("KubeletNotReady: network plugin is not ready: "));
  EXPECT_EQ(node().internal_ip(), "192.168.113.11");
  assign_pod_cidr();
  EXPECT_TRUE(eventually([&] { return node().ready(); })) << log_.str();
  EXPECT_TRUE(eventually([&] { return event("NodeReady", "worker1").count == 1; }));
}

TEST_F(RegistrationTest, WaitsForTheOverlay) {
  options_.network_ready_file = folder_ + "/subnet.env";
  start_nodelet();
  ASSERT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr; }));
  assign_pod_cidr();
  EXPECT_TRUE(
      eventually([&] { return not_ready_because().find("overlay has not written its file") != std::string::npos; }));
  write_ready_file("10.244.1.1/24");
  EXPECT_TRUE(eventually([&] { return node().ready(); })) << log_.str();
  create_web();
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web"); }));
  EXPECT_EQ(kube::number_at(request(), "mtu"), 1450);
}

TEST_F(RegistrationTest, WaitsForTheNodeApi) {
  node_->stop();
  start_nodelet();
  ASSERT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr; }));
  assign_pod_cidr();
  EXPECT_TRUE(eventually([&] { return not_ready_because().find("does not answer") != std::string::npos; }));
  node_->start();
  EXPECT_TRUE(eventually([&] { return node().ready(); })) << log_.str();
}

TEST_F(RegistrationTest, RenewsItsLease) {
  start_nodelet();
  ASSERT_TRUE(eventually([&] { return !renewed().empty(); }));
  std::string first = renewed();
  EXPECT_TRUE(eventually([&] { return renewed() != first; }, 4s)) << "a lease of 10 s would run out";
}

TEST_F(RegistrationTest, KeepsAControlPlaneFree) {
  options_.node.control_plane = true;
  start_nodelet();
  ASSERT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr; }));
  EXPECT_EQ(kube::array_at(api_->at("nodes", "worker1"), "spec.taints").size(), 1u);
}

// After a pause the controller has declared the node lost: the kubelet knows better.
TEST_F(RegistrationTest, TakesBackWhatOthersSayAboutIt) {
  start_ready_nodelet();
  api_->patch("nodes", "worker1",
              R"({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}})",
              "status");
  EXPECT_FALSE(node().ready());
  EXPECT_TRUE(eventually([&] { return node().ready(); }));
}

TEST_F(RegistrationTest, LeavesTheOverlaysConditionAlone) {
  start_ready_nodelet();
  api_->patch("nodes", "worker1",
              R"({"status": {"conditions": [{"type": "NetworkUnavailable", "status": "False"},
                                            {"type": "Ready", "status": "Unknown"}]}})",
              "status");
  EXPECT_TRUE(eventually([&] { return node().ready(); }));
  EXPECT_EQ(node().conditions.size(), 2u);
}

TEST_F(RegistrationTest, RegistersAnewWithAnApiServerThatLostEverything) {
  start_ready_nodelet();
  api_->lose_everything();
  ASSERT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr; })) << log_.str();
  assign_pod_cidr("10.244.5.0/24");
  EXPECT_TRUE(eventually([&] { return node().ready() && !renewed().empty(); })) << log_.str();
  create_web();
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web"); }));
  EXPECT_EQ(kube::text_at(request(), "address"), "10.244.5.2/24");
}

// `kubectl delete node`: a kubelet registers when it starts, and not against the will of who removed it.
TEST_F(RegistrationTest, StaysAwayWhenItsNodeIsDeletedUntilItIsStartedAnew) {
  start_ready_nodelet();
  never([] { return false; }, 500ms);  // nothing of the registration is still under way
  std::string uid = node().metadata.uid;
  api_->remove("nodes", "worker1");
  EXPECT_TRUE(never([&] { return api_->find("nodes", "worker1") != nullptr; }, 1s));
  EXPECT_THAT(log_.str(), HasSubstr("node worker1 has been deleted; it is registered again when nodelet is started"));
  restart_nodelet();
  EXPECT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr && node().metadata.uid != uid; }));
  EXPECT_TRUE(eventually([&] { return !renewed().empty(); })) << "its Lease went with the Node";
}

TEST_F(RegistrationTest, StaysAwayWhenItsNodeIsDeletedWhileItDoesNotReachTheApiServer) {
  start_ready_nodelet();
  never([] { return false; }, 500ms);
  api_->stop();
  never([] { return false; }, 50ms);
  api_->remove("nodes", "worker1");
  api_->start();
  EXPECT_TRUE(eventually([&] { return log_.str().find("has been deleted") != std::string::npos; }));
  EXPECT_TRUE(never([&] { return api_->find("nodes", "worker1") != nullptr; }, 1s));
}

// As after a restart of the API server: no watch can go on, but it is the same cluster.
TEST_F(RegistrationTest, StaysAwayThoughNoWatchTellsOfTheDeletion) {
  start_ready_nodelet();
  never([] { return false; }, 500ms);
  api_->stop();
  never([] { return false; }, 50ms);
  api_->remove("nodes", "worker1");
  forget_history_of("nodes");
  api_->start();
  EXPECT_TRUE(eventually([&] { return log_.str().find("has been deleted") != std::string::npos; })) << log_.str();
  EXPECT_TRUE(never([&] { return api_->find("nodes", "worker1") != nullptr; }, 1s));
}

TEST_F(RegistrationTest, RegistersAnewWithAnotherClusterThoughItsNodeWasDeletedInThisOne) {
  start_ready_nodelet();
  never([] { return false; }, 500ms);
  api_->remove("nodes", "worker1");
  never([] { return false; }, 100ms);
  api_->lose_everything();
  EXPECT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr; })) << log_.str();
}

TEST_F(RegistrationTest, ServesANodeThatSomebodyElseCreatesAgain) {
  start_ready_nodelet();
  never([] { return false; }, 500ms);
  api_->remove("nodes", "worker1");
  never([] { return false; }, 100ms);
  api_->create("nodes", R"({"metadata": {"name": "worker1"}})");
  assign_pod_cidr();
  EXPECT_TRUE(eventually([&] { return node().ready() && !renewed().empty(); })) << log_.str();
}

TEST_F(RegistrationTest, ComesToRest) {
  start_ready_nodelet();
  never([] { return false; }, 700ms);
  std::string version = kube::text_at(api_->at("nodes", "worker1"), "metadata.resourceVersion");
  never([] { return false; }, 700ms);
  EXPECT_EQ(kube::text_at(api_->at("nodes", "worker1"), "metadata.resourceVersion"), version);
}

}  // namespace
}  // namespace nodelet
