#include "agents/controller/node_health.h"

#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::IsEmpty;
using namespace std::chrono_literals;

constexpr auto grace = 10s;
const Steady::time_point start{1000s};

Decision judge(const kube::Node& node, const Heartbeats& heartbeats, Steady::duration after) {
  return judge_nodes(by_key<kube::Node>({node}), heartbeats, {start + after, noon}, grace);
}

kube::Node silent_node() {
  kube::Node result = node("w1", "Unknown");
  result.conditions[0].reason = "NodeStatusUnknown";
  return result;
}

std::string condition_of(const Decision& decision) {
  const auto& conditions = kube::array_at(decision.changes.at(0).body, "status.conditions");
  const Object& condition = conditions.at(0).as_object();
  return kube::text_at(condition, "type") + "=" + kube::text_at(condition, "status");
}

TEST(NodeHealth, ANodeThatRenewsItsLeaseIsLeftAlone) {
  Heartbeats heartbeats;
  heartbeats.observe_lease("w1", "1", start);
  heartbeats.observe_lease("w1", "2", start + 9s);
  Decision decision = judge(node("w1"), heartbeats, 12s);
  EXPECT_THAT(decision.changes, IsEmpty());
  ASSERT_TRUE(decision.again_after);
  EXPECT_NEAR(static_cast<double>(decision.again_after->count()), 7000, 10) << "when it may have become silent";
}

TEST(NodeHealth, ASilentNodeIsUnknown) {
  Heartbeats heartbeats;
  heartbeats.observe_lease("w1", "1", start);
  heartbeats.observe_lease("w1", "1", start + 9s);  // the same Lease again says nothing
  Decision decision = judge(node("w1"), heartbeats, 10s);
  EXPECT_EQ(condition_of(decision), "Ready=Unknown");
  EXPECT_EQ(decision.changes[0].subresource, "status");
  EXPECT_EQ(decision.changes[0].event->reason, "NodeNotReady");
  EXPECT_THAT(judge(silent_node(), heartbeats, 20s).changes, IsEmpty()) << "it is said once";
}

TEST(NodeHealth, ANodeThatNeverHadALeaseGetsTheSameTime) {
  Heartbeats heartbeats;
  heartbeats.observe_node(node("w1"), start);
  heartbeats.observe_node(node("w1"), start + 5s);  // by itself, a change of the Node is nobody's sign of life
  EXPECT_THAT(judge(node("w1"), heartbeats, 9s).changes, IsEmpty());
  EXPECT_EQ(condition_of(judge(node("w1"), heartbeats, 10s)), "Ready=Unknown");
}

TEST(NodeHealth, AConfirmedConditionIsASignOfLifeToo) {
  Heartbeats heartbeats;
  kube::Node confirmed = node("w1");
  confirmed.conditions[0].last_heartbeat_time = "2026-11-24T11:59:00Z";
  heartbeats.observe_node(confirmed, start);
  confirmed.conditions[0].last_heartbeat_time = "2026-11-24T12:00:00Z";
  heartbeats.observe_node(confirmed, start + 9s);
  EXPECT_THAT(judge(confirmed, heartbeats, 18s).changes, IsEmpty());
}

TEST(NodeHealth, ANodeThatTakesItsWordBackIsNotContradicted) {
  Heartbeats heartbeats;
  kube::Node before = node("w1"), after = node("w1");
  after.conditions[0].last_transition_time = "2026-11-24T12:00:00Z";
  heartbeats.observe_node(before, start);
  heartbeats.observe_node(silent_node(), start + 10s);
  EXPECT_EQ(heartbeats.silence("w1", start + 12s), 12s) << "it was not the node that said so";
  // Its kubelet's answer may arrive before its Lease.
  heartbeats.observe_node(after, start + 30s);
  EXPECT_THAT(judge(after, heartbeats, 31s).changes, IsEmpty());
}

TEST(NodeHealth, AnOldLeaseSaysNothingWhenTheControllerStarts) {
  Heartbeats heartbeats;
  heartbeats.observe_node(node("w1"), start);
  heartbeats.observe_lease("w1", "1", start + 5s);
  EXPECT_EQ(condition_of(judge(node("w1"), heartbeats, 10s)), "Ready=Unknown");
}

TEST(NodeHealth, ANodeThatSaysThatItIsNotReadyIsBelieved) {
  Heartbeats heartbeats;
  heartbeats.observe_lease("w1", "1", start);
  EXPECT_THAT(judge(node("w1", "False"), heartbeats, 2s).changes, IsEmpty());
  EXPECT_EQ(condition_of(judge(node("w1", "False"), heartbeats, 10s)), "Ready=Unknown");
}

TEST(NodeHealth, NobodyIsBlamedForATimeInWhichNothingCouldBeHeard) {
  Heartbeats heartbeats;
  heartbeats.observe_lease("w1", "1", start);
  heartbeats.excuse_all(start + 60s);
  EXPECT_THAT(judge(node("w1"), heartbeats, 65s).changes, IsEmpty());
  EXPECT_FALSE(judge(node("w1"), heartbeats, 70s).changes.empty());
}

}  // namespace
}  // namespace controller
