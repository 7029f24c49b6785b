#include "agents/controller/scheduler.h"

#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const kube::Taint control_plane{"node-role.kubernetes.io/control-plane", "", "NoSchedule"};

kube::Node tainted(kube::Node node, const kube::Taint& taint) {
  node.taints = {taint};
  return node;
}

Nodes cluster() {
  return by_key<kube::Node>({tainted(node("cp"), control_plane), node("w1"), node("w2")});
}

kube::Pod of_set(kube::Pod pod, const std::string& set) {
  return owned_by(std::move(pod), "ReplicaSet", metadata(set));
}

std::string choice(const kube::Pod& pod, const Nodes& nodes, const std::vector<kube::Pod>& present = {}) {
  return choose_node(pod, nodes, Occupancy(by_key<kube::Pod>(present)), noon).node;
}

TEST(Schedule, PutsTwoReplicasOnTwoWorkers) {
  Pods pods = by_key<kube::Pod>({of_set(pod("a"), "set"), of_set(pod("b"), "set")});
  EXPECT_THAT(texts_of(schedule(pods, cluster(), noon)), ElementsAre("bind default/a to w1", "bind default/b to w2"));
}

TEST(Schedule, SpreadsPodsOfOneOwnerFirst) {
  // w2 has more pods, but none of this set.
  std::vector<kube::Pod> present = {of_set(running_pod("a", "w1"), "set"), running_pod("x", "w2"),
                                    running_pod("y", "w2"), running_pod("z", "w2")};
  EXPECT_EQ(choice(of_set(pod("b"), "set"), cluster(), present), "w2");
  EXPECT_EQ(choice(of_set(pod("b"), "other"), cluster(), present), "w1");
}

TEST(Schedule, PodsWithoutOwnerAreNoSiblings) {
  std::vector<kube::Pod> present = {running_pod("x", "w1"), of_set(running_pod("a", "w2"), "set"),
                                    of_set(running_pod("b", "w2"), "set")};
  EXPECT_EQ(choice(pod("alone"), cluster(), present), "w1");
}

TEST(Schedule, CountsOnlyPodsThatStay) {
  kube::Pod ended = running_pod("a", "w2");
  ended.phase = "Succeeded";
  EXPECT_EQ(choice(pod("p"), cluster(), {ended, running_pod("b", "w1")}), "w2");
  EXPECT_EQ(choice(pod("p"), cluster(), {terminating(running_pod("a", "w2")), running_pod("b", "w1")}), "w2");
}

TEST(Schedule, KeepsPodsOffTheControlPlaneUnlessTheyTolerateIt) {
  Nodes nodes = by_key<kube::Node>({tainted(node("cp"), control_plane)});
  EXPECT_EQ(choice(pod("p"), nodes), "");
  kube::Pod tolerant = pod("p");
  tolerant.tolerations = {{control_plane.key, "Exists", "", "NoSchedule"}};
  EXPECT_EQ(choice(tolerant, nodes), "cp");
  EXPECT_EQ(choice(pod("p"), by_key<kube::Node>({tainted(node("cp"), {"a", "", "PreferNoSchedule"})})), "cp");
}

TEST(Schedule, WantsReadyAndSchedulableNodesThatAreSelected) {
  kube::Node cordoned = node("cordoned"), labelled = node("labelled");
  cordoned.unschedulable = true;
  labelled.metadata.labels = {{"disk", "ssd"}};
  Nodes nodes = by_key<kube::Node>({cordoned, node("down", "False"), node("lost", "Unknown"), node("plain"), labelled});
  EXPECT_EQ(choice(pod("p"), nodes), "labelled");
  kube::Pod picky = pod("p");
  picky.node_selector = {{"disk", "ssd"}};
  EXPECT_EQ(choice(picky, nodes), "labelled");
  picky.node_selector = {{"disk", "tape"}};
  EXPECT_EQ(choice(picky, nodes), "");
}

TEST(Schedule, DoesNotCrowdEverythingOntoTheNodeThatIsReadyFirst) {
  Nodes nodes = by_key<kube::Node>({node("w1", "False"), node("w2")});
  nodes["w1"].metadata.creation_timestamp = format_time(noon - 20s);
  Pods pods = by_key<kube::Pod>({of_set(pod("a"), "set"), of_set(pod("b"), "set")});
  Decision decision = schedule(pods, nodes, noon);
  EXPECT_THAT(texts_of(decision), ElementsAre("bind default/a to w2")) << "b waits for w1";
  ASSERT_TRUE(decision.again_after);
  EXPECT_EQ(*decision.again_after, 10s);
  EXPECT_THAT(texts_of(schedule(pods, nodes, noon + 10s)), ElementsAre("bind default/a to w2", "bind default/b to w2"));
  nodes["w1"] = node("w1");
  EXPECT_THAT(texts_of(schedule(pods, nodes, noon)), ElementsAre("bind default/a to w1", "bind default/b to w2"));
}

TEST(Schedule, WaitsForNoNodeThatHasFallenSilent) {
  Nodes nodes = by_key<kube::Node>({node("w1", "Unknown"), node("w2")});
  nodes["w1"].metadata.creation_timestamp = format_time(noon);
  Pods pods = by_key<kube::Pod>({of_set(pod("a"), "set"), of_set(pod("b"), "set")});
  EXPECT_THAT(texts_of(schedule(pods, nodes, noon)), ElementsAre("bind default/a to w2", "bind default/b to w2"));
}

TEST(Schedule, GivesAHostPortToOnePodANode) {
  kube::Pod first = running_pod("a", "w1"), second = pod("b"), third = pod("c"), other_port = pod("d");
  first.containers.resize(1);
  first.containers[0].ports = {{"", "TCP", 80, 8080}};
  second.containers = third.containers = other_port.containers = first.containers;
  other_port.containers[0].ports[0].protocol = "UDP";
  Decision decision = schedule(by_key<kube::Pod>({first, second, third}), cluster(), noon);
  ASSERT_EQ(decision.changes.size(), 2u);
  EXPECT_EQ(text_of(decision.changes[0]), "bind default/b to w2");
  EXPECT_THAT(text_of(decision.changes[1]), HasSubstr("2 node(s) didn't have free ports"));
  EXPECT_EQ(choice(other_port, by_key<kube::Node>({node("w1")}), {first}), "w1");
}

TEST(Schedule, SaysOnceWhyAPodCannotRun) {
  kube::Pod picky = pod("p");
  picky.node_selector = {{"disk", "ssd"}};
  Decision decision = schedule(by_key<kube::Pod>({picky}), cluster(), noon);
  ASSERT_EQ(decision.changes.size(), 1u);
  const Change& change = decision.changes[0];
  std::string why =
      "0/3 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 1 node(s) had "
      "untolerated taint {node-role.kubernetes.io/control-plane: }.";
  EXPECT_EQ(change.event->reason, "FailedScheduling");
  EXPECT_EQ(change.event->message, why);
  EXPECT_THAT(text_of(change), HasSubstr(R"("type":"PodScheduled","status":"False")"));
  EXPECT_THAT(text_of(change), HasSubstr(R"("reason":"Unschedulable")"));

  picky.conditions = {{"PodScheduled", "False", "Unschedulable", why}};
  EXPECT_THAT(schedule(by_key<kube::Pod>({picky}), cluster(), noon).changes, IsEmpty());
}

TEST(Schedule, LeavesAloneWhatIsBoundEndedOrOthers) {
  kube::Pod foreign = pod("a"), ended = pod("b");
  foreign.scheduler_name = "mine";
  ended.phase = "Failed";
  Pods pods = by_key<kube::Pod>({foreign, ended, terminating(pod("c")), running_pod("d", "w1")});
  EXPECT_THAT(schedule(pods, cluster(), noon).changes, IsEmpty());
}

TEST(Schedule, WithoutNodesSaysSo) {
  EXPECT_EQ(choose_node(pod("p"), {}, Occupancy({}), noon).why_not, "no nodes available to schedule pods");
}

}  // namespace
}  // namespace controller
