#include "agents/controller/node_ranges.h"

#include "lib/base/error.h"
#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

kube::Node with_range(const std::string& name, const std::string& range) {
  kube::Node result = node(name);
  result.pod_cidr = range;
  result.pod_cidrs = {range};
  return result;
}

std::string assignment(const std::string& name, const std::string& range) {
  return "patch nodes " + name + R"( {"spec":{"podCIDR":")" + range + R"(","podCIDRs":[")" + range + R"("]}})";
}

const std::vector<ClusterRange> ranges = parse_cluster_ranges("10.244.0.0/16", 24, 64);

TEST(NodeRanges, EachNodeGetsTheLowestFreeOne) {
  EXPECT_THAT(texts_of(assign_ranges(ranges, by_key<kube::Node>({node("w1"), node("w2"), node("w3")}))),
              ElementsAre(assignment("w1", "10.244.0.0/24"), assignment("w2", "10.244.1.0/24"),
                          assignment("w3", "10.244.2.0/24")));
}

TEST(NodeRanges, WhatANodeHasStaysAndWhatIsLeftIsUsedAgain) {
  Nodes nodes =
      by_key<kube::Node>({with_range("a", "10.244.0.0/24"), with_range("c", "10.244.2.0/24"), node("b"), node("d")});
  EXPECT_THAT(texts_of(assign_ranges(ranges, nodes)),
              ElementsAre(assignment("b", "10.244.1.0/24"), assignment("d", "10.244.3.0/24")));
}

TEST(NodeRanges, RangesOfOtherSizesAreAvoidedToo) {
  Nodes nodes =
      by_key<kube::Node>({with_range("big", "10.244.0.0/23"), with_range("small", "10.244.2.128/25"), node("w")});
  EXPECT_THAT(texts_of(assign_ranges(ranges, nodes)), ElementsAre(assignment("w", "10.244.3.0/24")));
}

TEST(NodeRanges, CollisionsAreReported) {
  Nodes nodes = by_key<kube::Node>({with_range("a", "10.244.0.0/24"), with_range("b", "10.244.0.0/24")});
  Decision decision = assign_ranges(ranges, nodes);
  ASSERT_EQ(decision.changes.size(), 1u);
  EXPECT_THAT(text_of(decision.changes[0]),
              HasSubstr("node b: its pod addresses 10.244.0.0/24 collide with those of node a"));
  EXPECT_EQ(decision.changes[0].event->reason, "CIDRCollision");
}

TEST(NodeRanges, AFullClusterIsReported) {
  auto two_parts = parse_cluster_ranges("10.244.0.0/23", 24, 64);
  Nodes nodes = by_key<kube::Node>({node("a"), node("b"), node("c")});
  Decision decision = assign_ranges(two_parts, nodes);
  ASSERT_EQ(decision.changes.size(), 3u);
  EXPECT_EQ(text_of(decision.changes[1]), assignment("b", "10.244.1.0/24"));
  EXPECT_EQ(decision.changes[2].event->reason, "CIDRNotAvailable");
}

TEST(NodeRanges, ADualStackClusterGivesOneOfEach) {
  auto both = parse_cluster_ranges("10.244.0.0/16,fd00:10:244::/48", 24, 64);
  Nodes nodes = by_key<kube::Node>({node("a"), node("b")});
  EXPECT_EQ(texts_of(assign_ranges(both, nodes)).at(1),
            R"(patch nodes b {"spec":{"podCIDR":"10.244.1.0/24","podCIDRs":["10.244.1.0/24","fd00:10:244:1::/64"]}})");
}

TEST(NodeRanges, ANodeThatGoesGetsNone) {
  kube::Node leaving = node("a");
  leaving.metadata.deletion_timestamp = "2026-11-24T12:00:00Z";
  EXPECT_THAT(texts_of(assign_ranges(ranges, by_key<kube::Node>({leaving}))), IsEmpty());
}

TEST(ClusterRange, RefusesWhatCannotBeCut) {
  EXPECT_THROW(ClusterRange("10.244.0.0/16", 8), base::Error);
  EXPECT_THROW(ClusterRange("10.244.0.0/16", 33), base::Error);
  EXPECT_THROW(ClusterRange("pods", 24), base::Error);
}

}  // namespace
}  // namespace controller
