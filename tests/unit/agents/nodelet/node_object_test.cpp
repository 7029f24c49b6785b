#include "agents/nodelet/node_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>

namespace nodelet {
namespace {

const NodeIdentity worker{"worker1", "192.168.113.11", false};
const MachineFacts facts{"amd64", "6.1.0", "Debian GNU/Linux 12", "m", "b", 2, 4096};

TEST(NodeObject, SaysWhoAndWhereItIs) {
  kube::Object object = node_object(worker, facts, {false, "why"});
  kube::Node node = kube::Node::parse(object);
  EXPECT_EQ(node.metadata.labels["kubernetes.io/hostname"], "worker1");
  EXPECT_EQ(node.metadata.labels["kubernetes.io/arch"], "amd64");
  EXPECT_EQ(node.internal_ip(), "192.168.113.11");
  EXPECT_FALSE(node.ready());
  EXPECT_EQ(node.conditions.size(), 1u) << "NetworkUnavailable is the overlay's";
  EXPECT_EQ(node.conditions[0].reason, "KubeletNotReady");
  EXPECT_EQ(node.conditions[0].message, "why");
  EXPECT_EQ(kube::text_at(object, "status.capacity.cpu"), "2");
  EXPECT_EQ(kube::text_at(object, "status.nodeInfo.kernelVersion"), "6.1.0");
  EXPECT_TRUE(kube::array_at(object, "spec.taints").empty());
}

TEST(NodeObject, AControlPlaneKeepsPodsAway) {
  NodeIdentity control_plane = worker;
  control_plane.control_plane = true;
  kube::Object object = node_object(control_plane, facts, {});
  EXPECT_EQ(kube::Node::parse(object).metadata.labels.count("node-role.kubernetes.io/control-plane"), 1u);
  kube::Object taint = kube::array_at(object, "spec.taints").at(0).as_object();
  EXPECT_EQ(kube::text_at(taint, "key"), "node-role.kubernetes.io/control-plane");
  EXPECT_EQ(kube::text_at(taint, "effect"), "NoSchedule");
}

TEST(NodeObject, BringsThePodCidrThatItWasGiven) {
  EXPECT_EQ(kube::Node::parse(node_object(worker, facts, {})).pod_cidr, "") << "else the controller gives one";
  NodeIdentity given = worker;
  given.pod_cidr = "10.244.7.0/24";
  kube::Node node = kube::Node::parse(node_object(given, facts, {}));
  EXPECT_EQ(node.pod_cidr, "10.244.7.0/24");
  EXPECT_THAT(node.pod_cidrs, testing::ElementsAre("10.244.7.0/24"));
}

TEST(NodeStatus, IsReportedOnlyWhenItIsNews) {
  kube::Node node = kube::Node::parse(node_object(worker, facts, {true, {}}));
  EXPECT_TRUE(is_reported(node, worker, {true, {}}));
  EXPECT_FALSE(is_reported(node, worker, {false, "why"}));
  // The controller's word on a node that it has not heard of for a while.
  node.conditions[0].status = "Unknown";
  EXPECT_FALSE(is_reported(node, worker, {true, {}}));
}

TEST(Lease, IsKubelets) {
  kube::Object lease = lease_object("worker1", "u1");
  EXPECT_EQ(kube::key_of(lease), "kube-node-lease/worker1");
  EXPECT_EQ(kube::text_at(lease, "spec.holderIdentity"), "worker1");
  EXPECT_EQ(kube::number_at(lease, "spec.leaseDurationSeconds"), 10);
  EXPECT_EQ(kube::text_at(lease, "spec.renewTime").size(), std::string("2026-11-23T08:45:05.123456Z").size());
  EXPECT_EQ(kube::text_at(kube::array_at(lease, "metadata.ownerReferences").at(0).as_object(), "uid"), "u1");
}

TEST(MachineFacts, AreRead) {
  MachineFacts read = MachineFacts::read();
  EXPECT_FALSE(read.kernel_version.empty());
  EXPECT_GT(read.memory_kib, 1000u);
  EXPECT_GE(read.cpus, 1u);
}

}  // namespace
}  // namespace nodelet
