#include "agents/kube_apply/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "agents/kube_apply/services.h"
#include "lib/base/error.h"

namespace kube_apply {
namespace {

using ::testing::HasSubstr;

kube::Object parse(const std::string& text) {
  return boost::json::parse(text).as_object();
}

kube::Object deployment(int replicas, int updated, int available, int observed = 1) {
  return parse(R"({"kind":"Deployment","metadata":{"name":"web","namespace":"default","generation":1},
    "spec":{"replicas":)" +
               std::to_string(replicas) + R"(},"status":{"replicas":)" + std::to_string(updated) +
               R"(,"updatedReplicas":)" + std::to_string(updated) + R"(,"availableReplicas":)" +
               std::to_string(available) + R"(,"observedGeneration":)" + std::to_string(observed) + "}}");
}

TEST(Condition, IsParsedOrRefused) {
  EXPECT_EQ(Condition::parse("nodes=3").count, 3u);
  EXPECT_EQ(Condition::parse("deployments").kind, Condition::Kind::deployments);
  for (const char* text : {"", "node", "nodes=", "nodes=0", "nodes=x", "nodes=2x"}) {
    EXPECT_THROW(Condition::parse(text), base::Error) << text;
  }
}

TEST(Missing, CountsReadyNodes) {
  auto ready = parse(R"({"metadata":{"name":"a"},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  auto unready = parse(R"({"metadata":{"name":"b"}})");
  EXPECT_EQ(missing(Condition::parse("nodes=2"), {ready}, {}), "1 of 2 nodes are ready");
  EXPECT_EQ(missing(Condition::parse("nodes=2"), {ready, ready}, {}), "");
  EXPECT_EQ(missing(Condition::parse("nodes"), {ready, unready}, {}), "1 of 2 nodes are ready");
  EXPECT_EQ(missing(Condition::parse("nodes"), {}, {}), "0 of 1 nodes are ready");
}

TEST(Missing, WantsAllReplicasUpdatedAvailableAndObserved) {
  Condition condition = Condition::parse("deployments");
  auto missing_of = [&](const kube::Object& object) { return missing(condition, {object}, {object}); };
  EXPECT_EQ(missing_of(deployment(2, 2, 2)), "");
  EXPECT_EQ(missing_of(deployment(2, 2, 1)), "deployment default/web: 1 of 2 replicas are available");
  EXPECT_EQ(missing_of(deployment(2, 1, 2)), "deployment default/web: 1 of 2 replicas are available");
  EXPECT_THAT(missing_of(deployment(2, 2, 2, 0)), HasSubstr("not yet seen by the controller"));
  EXPECT_THAT(missing(condition, {}, {deployment(1, 1, 1)}), HasSubstr("gone"));
  EXPECT_EQ(missing(condition, {deployment(2, 2, 1)}, {}), "") << "not ours";
}

TEST(MissingEndpoints, AreReadyPodsThatNoSliceHas) {
  auto service =
      parse(R"({"kind":"Service","metadata":{"name":"s","namespace":"default"},"spec":{"selector":{"app":"web"}}})");
  auto pod = [&](const std::string& name, const std::string& app, const std::string& ip, const std::string& ready) {
    return parse(R"({"metadata":{"name":")" + name + R"(","namespace":"default","labels":{"app":")" + app +
                 R"("}},"status":{"podIP":")" + ip + R"(","conditions":[{"type":"Ready","status":")" + ready +
                 R"("}]}})");
  };
  auto slice = parse(R"({"metadata":{"name":"s-1","namespace":"default","labels":{"kubernetes.io/service-name":"s"}},
    "endpoints":[{"addresses":["10.244.1.2"],"conditions":{"ready":true}},
                 {"addresses":["10.244.1.3"],"conditions":{"ready":false}}]})");
  std::vector<kube::Object> pods{pod("a", "web", "10.244.1.2", "True"), pod("b", "web", "10.244.1.3", "False"),
                                 pod("c", "other", "10.244.1.4", "True")};
  EXPECT_EQ(missing_endpoints({service}, {service}, pods, {slice}), "");
  pods.push_back(pod("d", "web", "10.244.1.5", "True"));
  EXPECT_EQ(missing_endpoints({service}, {service}, pods, {slice}),
            "service default/s: pod d is not among its endpoints");
  EXPECT_EQ(missing_endpoints({}, {service}, pods, {slice}), "") << "not ours";
}

TEST(NewestVersion, IsTheHighest) {
  EXPECT_EQ(newest_version(
                {parse(R"({"metadata":{"resourceVersion":"9"}})"), parse(R"({"metadata":{"resourceVersion":"10"}})")}),
            10u);
  EXPECT_EQ(newest_version({}), 0u);
}

TEST(Missing, SaysWhyAPodWaits) {
  auto pod = parse(R"({"kind":"Pod","metadata":{"name":"p"},"spec":{"nodeName":"w"},"status":{"phase":"Pending",
    "containerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff","message":"exit code 1"}}}]}})");
  auto stored = pod;
  stored["metadata"].as_object()["namespace"] = "default";
  EXPECT_EQ(missing(Condition::parse("pods"), {stored}, {pod}),
            "pod default/p: Pending, CrashLoopBackOff (exit code 1)");
}

}  // namespace
}  // namespace kube_apply
