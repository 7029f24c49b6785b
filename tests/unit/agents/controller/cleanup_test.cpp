#include "agents/controller/cleanup.h"

#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const Steady::time_point start{1000s};

TEST(PodsOfLostNodes, AreForgottenSomeTimeAfterTheNodeIsGone) {
  Pods pods = by_key<kube::Pod>({running_pod("a", "gone"), running_pod("b", "w1"), pod("c")});
  Nodes nodes = by_key<kube::Node>({node("w1")});
  Since missing;
  missing.update(missing_nodes(pods, nodes), start);
  missing.update(missing_nodes(pods, nodes), start + 30s);  // the time goes on counting
  Decision early = clean_up_pods_of_lost_nodes(pods, nodes, missing, {}, {start + 39s, noon});
  EXPECT_THAT(early.changes, IsEmpty());
  EXPECT_TRUE(early.again_after);
  Decision late = clean_up_pods_of_lost_nodes(pods, nodes, missing, {}, {start + 40s, noon});
  ASSERT_THAT(texts_of(late), ElementsAre("remove pods default/a"));
  EXPECT_EQ(late.changes[0].grace_seconds, 0) << "nobody is there to end it";
}

TEST(PodsOfLostNodes, AreSafeWhereTheNodeComesBack) {
  Pods pods = by_key<kube::Pod>({running_pod("a", "w1")});
  Since missing;
  missing.update(missing_nodes(pods, {}), start);
  missing.update(missing_nodes(pods, by_key<kube::Node>({node("w1")})), start + 20s);
  missing.update(missing_nodes(pods, {}), start + 30s);
  EXPECT_THAT(clean_up_pods_of_lost_nodes(pods, {}, missing, {}, {start + 60s, noon}).changes, IsEmpty());
}

TEST(PodsOfLostNodes, AreReplacedWhereTheNodeStaysSilent) {
  kube::Node silent = node("w1", "Unknown");
  silent.conditions[0].last_transition_time = format_time(noon - 299s);
  Pods pods = by_key<kube::Pod>({running_pod("a", "w1"), terminating(running_pod("b", "w1"))});
  auto decide = [&](Time now) {
    return clean_up_pods_of_lost_nodes(pods, by_key<kube::Node>({silent}), {}, {}, {start, now});
  };
  EXPECT_THAT(decide(noon).changes, IsEmpty());
  ASSERT_THAT(texts_of(decide(noon + 1s)), ElementsAre("remove pods default/a"));
  EXPECT_LT(decide(noon + 1s).changes[0].grace_seconds, 0) << "it may still run";
}

TEST(Orphans, GoSomeTimeAfterTheirOwner) {
  kube::ReplicaSet set;
  set.metadata = metadata("set");
  kube::Pod orphan = owned_by(pod("a"), "ReplicaSet", metadata("gone"));
  kube::Pod renamed = owned_by(pod("b"), "ReplicaSet", metadata("set"));
  renamed.metadata.owners[0].uid = "uid-of-an-earlier-one";
  kube::Pod kept = owned_by(pod("c"), "ReplicaSet", set.metadata);
  kube::Pod others = owned_by(pod("d"), "Job", metadata("job"));
  Pods pods = by_key<kube::Pod>({orphan, renamed, kept, others, pod("e")});
  pods["default/f"] = terminating(orphan);
  ReplicaSets sets = by_key<kube::ReplicaSet>({set});
  Since missing;
  missing.update(missing_owners(pods, sets, {}), start);
  Decision early = collect_orphans(pods, sets, missing, {}, {start + 9s, noon});
  EXPECT_THAT(early.changes, IsEmpty()) << "its owner may be news that has not arrived";
  EXPECT_TRUE(early.again_after);
  EXPECT_THAT(texts_of(collect_orphans(pods, sets, missing, {}, {start + 10s, noon})),
              ElementsAre("remove pods default/a", "remove pods default/b"));
}

TEST(Orphans, AreReplicaSetsTooWhereTheirDeploymentIsGone) {
  kube::ReplicaSet set;
  set.metadata = metadata("set");
  set = owned_by(set, "Deployment", metadata("gone"));
  ReplicaSets sets = by_key<kube::ReplicaSet>({set});
  Since missing;
  missing.update(missing_owners({}, sets, {}), start);
  EXPECT_THAT(texts_of(collect_orphans({}, sets, missing, {}, {start + 10s, noon})),
              ElementsAre("remove replicasets default/set"));
}

}  // namespace
}  // namespace controller
