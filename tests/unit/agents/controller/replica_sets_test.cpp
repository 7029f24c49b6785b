#include "agents/controller/replica_sets.h"

#include "lib/base/error.h"
#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

class ReplicaSetTest : public ::testing::Test {
 protected:
  ReplicaSetTest() {
    set_.metadata = metadata("web-1");
    set_.replicas = 2;
    set_.selector = parse(R"({"matchLabels":{"app":"web"}})");
    set_.pod_template = parse(R"({"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c"}]}})");
    set_.observed_generation = 1;
  }

  kube::Pod mine(kube::Pod pod) { return owned_by(std::move(pod), "ReplicaSet", set_.metadata); }

  void report_status(int64_t replicas, int64_t ready) {
    set_.status_replicas = set_.fully_labeled_replicas = replicas;
    set_.ready_replicas = set_.available_replicas = ready;
  }

  Decision decide(const std::vector<kube::Pod>& pods) {
    int made = 0;
    return reconcile_replica_set(set_, by_key<kube::Pod>(pods), nodes_, noon,
                                 [&] { return "pod" + std::to_string(++made); });
  }

  kube::ReplicaSet set_;
  Nodes nodes_ = by_key<kube::Node>({node("w1"), node("w2")});
};

TEST_F(ReplicaSetTest, MakesThePodsThatAreMissing) {
  Decision decision = decide({mine(running_pod("a", "w1"))});
  ASSERT_THAT(texts_of(decision), ElementsAre("create pods default/web-1-pod1"));
  const Object& made = decision.changes[0].body;
  EXPECT_EQ(kube::text_at(made, "metadata.labels.app"), "web");
  EXPECT_EQ(kube::text_at(made, "metadata.generateName"), "web-1-");
  EXPECT_EQ(kube::array_at(made, "spec.containers").size(), 1u);
  const Object& owner = kube::array_at(made, "metadata.ownerReferences").at(0).as_object();
  EXPECT_EQ(kube::text_at(owner, "uid"), "uid-web-1");
  EXPECT_TRUE(kube::flag_at(owner, "controller"));
  EXPECT_EQ(decision.changes[0].event->message, "Created pod: web-1-pod1");
  ASSERT_TRUE(decision.changes[0].needs) << "the set may have gone with its pods";
  EXPECT_EQ(decision.changes[0].needs->uid, "uid-web-1");
}

TEST_F(ReplicaSetTest, DoesNotCountPodsThatGoOrHaveEnded) {
  kube::Pod ended = mine(running_pod("b", "w1"));
  ended.phase = "Failed";
  EXPECT_EQ(decide({mine(terminating(running_pod("a", "w1"))), ended}).changes.size(), 2u);
}

TEST_F(ReplicaSetTest, DeletesTheOnesThatServeLeastFirst) {
  set_.replicas = 0;
  kube::Pod unbound = mine(pod("unbound")), pending = mine(pod("pending")), old = mine(running_pod("old", "w1")),
            young = mine(running_pod("young", "w1")), alone = mine(running_pod("alone", "w2"));
  kube::Pod not_ready = mine(unready(running_pod("not-ready", "w2")));
  pending.node_name = "w2";
  young.metadata.creation_timestamp = "2026-11-24T11:30:00Z";
  alone.metadata.creation_timestamp = "2026-11-24T11:45:00Z";
  // w1: old, young; w2: pending, not-ready, alone.
  EXPECT_THAT(texts_of(decide({old, young, alone, not_ready, pending, unbound})),
              ElementsAre("remove pods default/unbound", "remove pods default/pending", "remove pods default/not-ready",
                          "remove pods default/alone", "remove pods default/young", "remove pods default/old"));
}

TEST_F(ReplicaSetTest, ScalingDownKeepsTheSpread) {
  kube::Pod a = mine(running_pod("a", "w1")), b = mine(running_pod("b", "w1")), c = mine(running_pod("c", "w2"));
  c.metadata.creation_timestamp = "2026-11-24T11:45:00Z";  // youngest, but alone on its node
  EXPECT_THAT(texts_of(decide({a, b, c})), ElementsAre("remove pods default/b"));
}

TEST_F(ReplicaSetTest, PodsOfALostNodeCountAsNotReady) {
  nodes_ = by_key<kube::Node>({node("w1", "Unknown"), node("w2")});
  set_.replicas = 1;
  EXPECT_THAT(texts_of(decide({mine(running_pod("a", "w1")), mine(running_pod("b", "w2"))})),
              ElementsAre("remove pods default/a"));
}

TEST_F(ReplicaSetTest, TakesOverAndLetsGoByLabel) {
  kube::Pod relabelled = mine(running_pod("a", "w1"));
  relabelled.metadata.labels = {{"app", "debug"}};
  kube::Pod somebody_elses = owned_by(running_pod("c", "w1"), "ReplicaSet", metadata("other"));
  Decision decision = decide({relabelled, running_pod("b", "w1"), somebody_elses, terminating(running_pod("d", "w1"))});
  ASSERT_EQ(decision.changes.size(), 2u);
  EXPECT_EQ(text_of(decision.changes[0]),
            R"(patch pods default/a {"metadata":{"ownerReferences":[{"$patch":"delete","uid":"uid-web-1"}]}})");
  EXPECT_THAT(text_of(decision.changes[1]), HasSubstr("patch pods default/b"));
  EXPECT_THAT(text_of(decision.changes[1]), HasSubstr(R"("uid":"uid-web-1","controller":true)"));
}

TEST_F(ReplicaSetTest, ReportsWhatItHas) {
  Decision decision = decide({mine(running_pod("a", "w1")), mine(unready(running_pod("b", "w2")))});
  EXPECT_THAT(texts_of(decision),
              ElementsAre(R"(patch replicasets default/web-1 {"status":{"replicas":2,"fullyLabeledReplicas":2,)"
                          R"("readyReplicas":1,"availableReplicas":1,"observedGeneration":1}})"));
  EXPECT_EQ(decision.changes[0].subresource, "status");
}

TEST_F(ReplicaSetTest, WritesNothingWhereAllIsSaid) {
  report_status(2, 2);
  std::vector<kube::Pod> pods = {mine(running_pod("a", "w1")), mine(running_pod("b", "w2"))};
  EXPECT_THAT(decide(pods).changes, IsEmpty());
  set_.metadata.generation = 2;
  EXPECT_EQ(decide(pods).changes.size(), 1u) << "a change of the spec has to be acknowledged";
}

TEST_F(ReplicaSetTest, APodIsAvailableWhenItHasBeenReadyForLongEnough) {
  set_.min_ready_seconds = 60;
  report_status(2, 2);
  set_.available_replicas = 1;
  kube::Pod fresh = mine(running_pod("b", "w2"));
  fresh.conditions[0].last_transition_time = format_time(noon - 50s);
  Decision decision = decide({mine(running_pod("a", "w1")), fresh});
  EXPECT_THAT(decision.changes, IsEmpty());
  ASSERT_TRUE(decision.again_after);
  EXPECT_NEAR(static_cast<double>(decision.again_after->count()), 10'000, 10);
}

TEST_F(ReplicaSetTest, OwnsNothingByASelectorThatIsNone) {
  for (const char* selector : {"{}", R"({"matchExpressions":[{"key":"a","operator":"Near","values":["b"]}]})"}) {
    set_.selector = parse(selector);
    EXPECT_THROW(decide({running_pod("a", "w1")}), base::Error);
    EXPECT_FALSE(would_own(set_.selector, {{"app", "web"}}));
  }
}

TEST_F(ReplicaSetTest, MakesNoPodsThatWouldNotBeItsOwn) {
  set_.pod_template = parse(R"({"metadata":{"labels":{"app":"other"}},"spec":{"containers":[{"name":"c"}]}})");
  Decision decision = decide({});
  EXPECT_THAT(texts_of(decision),
              ElementsAre("report replica set default/web-1: its selector does not match the labels of its template: "
                          "no pods are made"));
  ASSERT_TRUE(decision.changes[0].event);
  EXPECT_EQ(decision.changes[0].event->type, "Warning");
}

TEST_F(ReplicaSetTest, DoesNothingOnItsWayOut) {
  set_.metadata.deletion_timestamp = "2026-11-24T12:00:00Z";
  EXPECT_THAT(decide({}).changes, IsEmpty());
}

}  // namespace
}  // namespace controller
