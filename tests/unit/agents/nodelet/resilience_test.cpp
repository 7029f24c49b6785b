// Whatever goes away and comes back - the nodelet, the API server, the node API, the pod's namespaces - what runs goes
// on.
#include <boost/json/serialize.hpp>

#include "tests/unit/agents/nodelet/fixture.h"

namespace nodelet {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ResilienceTest : public NodeletTest {
 protected:
  void SetUp() override {
    NodeletTest::SetUp();
    if (!IsSkipped()) start_ready_nodelet();
  }
  void create_ready_web(const std::string& container = {}, const std::string& spec = {}) {
    create_web(container, spec);
    ASSERT_TRUE(eventually([&] { return ready(); })) << log_.str();
  }
  size_t starts() { return node_->count("start default/web web"); }
};

// ---- the nodelet

TEST_F(ResilienceTest, ANewNodeletAdoptsWhatRuns) {
  create_ready_web();
  std::string before = boost::json::serialize(container_status());
  std::string address = pod().pod_ip;
  node_->calls.clear();
  restart_nodelet();
  create_pod("next", R"("containers": [{"name": "web", "image": "echo"}])");
  ASSERT_TRUE(eventually([&] { return ready("next"); }));
  EXPECT_EQ(starts(), 0u);
  EXPECT_EQ(boost::json::serialize(container_status()), before);
  EXPECT_NE(pod("next").pod_ip, address) << "an address that is in use";
  node_->exit("default/web", "web", 1);
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); })) << "it is not looked after any more";
}

// A restart of the nodelet takes no endpoint out of service.
TEST_F(ResilienceTest, ANewNodeletKeepsReadinessUntilAProbeSaysOtherwise) {
  int exit_code = 0;
  node_->execute = [&](const std::string&) { return boost::json::object{{"exit", exit_code}}; };
  create_ready_web(R"("readinessProbe": {"periodSeconds": 1, "failureThreshold": 1, "exec": {"command": ["check"]}})");
  exit_code = 1;
  restart_nodelet();
  EXPECT_TRUE(never([&] { return !ready(); }, 600ms));
  EXPECT_TRUE(eventually([&] { return !ready(); }));
}

TEST_F(ResilienceTest, ANewNodeletSeesWhatEndedMeanwhile) {
  create_ready_web();
  stop_nodelet();
  node_->exit("default/web", "web", 5);
  start_nodelet();
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); }));
  EXPECT_EQ(kube::number_at(container_status(), "lastState.terminated.exitCode"), 5);
}

TEST_F(ResilienceTest, ANewNodeletRunsNothingTwiceThatHasEnded) {
  create_web({}, R"("restartPolicy": "Never", "initContainers": [{"name": "one", "command": ["true"]}])");
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web", "one"); }));
  node_->exit("default/web", "one", 0);
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web"); }));
  restart_nodelet();
  EXPECT_TRUE(never([&] { return node_->count("start default/web one") > 1 || starts() > 1; }));
  node_->exit("default/web", "web", 0);
  ASSERT_TRUE(eventually([&] { return phase() == "Succeeded"; }));
  restart_nodelet();
  EXPECT_TRUE(never([&] { return starts() > 1 || phase() != "Succeeded"; }));
}

TEST_F(ResilienceTest, ANewNodeletGoesOnWithAnEnd) {
  node_->ignore_term = {"web"};
  create_ready_web();
  api_->remove("pods", "default/web", 1);
  ASSERT_TRUE(eventually([&] { return node_->count("signal default/web web 15") == 1; }));
  restart_nodelet();
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_THAT(node_->pods, IsEmpty());
}

TEST_F(ResilienceTest, ANewNodeletRemovesPodsThatNobodyWants) {
  create_ready_web();
  stop_nodelet();
  api_->remove("pods", "default/web", 0);
  ASSERT_TRUE(node_->runs("default/web"));
  start_nodelet();
  EXPECT_TRUE(eventually([&] { return node_->pods.empty(); }));
  EXPECT_THAT(log_.str(), HasSubstr("removing pod default/web, which the API does not know"));
}

// It cannot know what is wanted: the pods stay.
TEST_F(ResilienceTest, ANewNodeletRemovesNothingWhileTheApiServerIsAway) {
  create_ready_web();
  stop_nodelet();
  api_->stop();
  start_nodelet();
  EXPECT_TRUE(never([&] { return !node_->runs("default/web"); }, 800ms));
  api_->start();
  node_->calls.clear();
  EXPECT_TRUE(eventually([&] { return node().ready(); }));
  EXPECT_TRUE(never([&] { return !node_->calls.empty(); })) << node_->calls.front();
  node_->exit("default/web", "web", 1);
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); })) << "it is not looked after";
}

// As after `labctl restart worker1`: the node is built anew, and of its pods nothing is left.
TEST_F(ResilienceTest, PodsComeBackOnANodeThatIsBuiltAnew) {
  create_ready_web();
  stop_nodelet();
  node_->pods.clear();
  start_nodelet();
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); })) << log_.str();
  EXPECT_EQ(kube::text_at(container_status(), "lastState.terminated.reason"), "ContainerStatusUnknown");
}

TEST_F(ResilienceTest, PodsThatAreNeverRestartedFailOnANodeThatIsBuiltAnew) {
  create_ready_web({}, R"("restartPolicy": "Never")");
  stop_nodelet();
  node_->pods.clear();
  start_nodelet();
  EXPECT_TRUE(eventually([&] { return phase() == "Failed"; }));
  EXPECT_EQ(starts(), 1u);
}

// ---- the API server

TEST_F(ResilienceTest, PodsAreLookedAfterWithoutTheApiServer) {
  create_ready_web();
  api_->stop();
  node_->exit("default/web", "web", 1);
  EXPECT_TRUE(eventually([&] { return starts() == 2 && node_->runs("default/web"); }));
  api_->start();
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); })) << "what happened meanwhile is not told";
}

TEST_F(ResilienceTest, APodThatWasDeletedMeanwhileEndsWhenTheApiServerIsBack) {
  create_ready_web();
  api_->stop();
  never([] { return false; }, 50ms);
  api_->remove("pods", "default/web", 0);
  EXPECT_TRUE(never([&] { return !node_->runs("default/web"); }));
  api_->start();
  EXPECT_TRUE(eventually([&] { return node_->pods.empty(); }));
}

TEST_F(ResilienceTest, AnApiServerThatLostEverythingWantsNoPods) {
  create_ready_web();
  api_->lose_everything();
  EXPECT_TRUE(eventually([&] { return node_->pods.empty(); }));
}

TEST_F(ResilienceTest, TheEndOfAPodWaitsForTheApiServer) {
  node_->ignore_term = {"web"};
  create_ready_web();
  api_->remove("pods", "default/web", 1);
  ASSERT_TRUE(eventually([&] { return node_->count("signal default/web web 15") == 1; }));
  api_->stop();
  EXPECT_TRUE(eventually([&] { return node_->pods.empty(); }));
  api_->start();
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
}

// A controller that held the node for lost has declared its pods unready.
TEST_F(ResilienceTest, TakesBackWhatOthersSayAboutItsPods) {
  create_ready_web();
  api_->patch("pods", "default/web", R"({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})", "status");
  EXPECT_FALSE(ready());
  EXPECT_TRUE(eventually([&] { return ready(); }));
}

// ---- the node API

TEST_F(ResilienceTest, AContainerThatEndedWhileTheNodeApiWasAwayIsRestarted) {
  create_ready_web();
  node_->stop();
  never([] { return false; }, 50ms);
  node_->exit("default/web", "web", 9);
  EXPECT_TRUE(never([&] { return !ready(); }));
  node_->start();
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); }));
  EXPECT_EQ(kube::number_at(container_status(), "lastState.terminated.exitCode"), 9);
}

TEST_F(ResilienceTest, WhatRunsIsNotTouchedWhenTheNodeApiComesBack) {
  create_ready_web();
  node_->stop();
  ASSERT_TRUE(eventually([&] { return !node().ready(); }));
  node_->calls.clear();
  node_->start();
  ASSERT_TRUE(eventually([&] { return node().ready(); }));
  EXPECT_TRUE(never([&] { return !node_->calls.empty() || !ready(); }));
}

TEST_F(ResilienceTest, APodIsBegunWhenTheNodeApiComesBack) {
  node_->stop();
  never([] { return false; }, 50ms);
  create_web();
  never([] { return false; }, 300ms);
  node_->start();
  EXPECT_TRUE(eventually([&] { return ready(); }));
  EXPECT_EQ(restarts(), 0);
  EXPECT_EQ(event("FailedCreatePodSandBox").count, 0) << "nobody's fault";
}

// ---- the pod's namespaces

TEST_F(ResilienceTest, AKilledPodIsMadeAnew) {
  create_ready_web({}, R"("initContainers": [])");
  std::string address = pod().pod_ip;
  node_->kill("default/web");
  EXPECT_TRUE(eventually([&] { return ready() && restarts() >= 1 && !node_->pods.at("default/web").killed; }))
      << log_.str();
  EXPECT_EQ(node_->count("remove default/web"), 1u);
  EXPECT_EQ(pod().pod_ip, address);
  EXPECT_EQ(event("SandboxChanged").count, 1);
}

TEST_F(ResilienceTest, ANewNodeletMakesAKilledPodAnew) {
  create_ready_web();
  stop_nodelet();
  node_->kill("default/web");
  start_nodelet();
  EXPECT_TRUE(eventually([&] { return ready() && restarts() >= 1; }));
  EXPECT_EQ(event("Failed").count, 0) << "it tried to start something in a pod that is no more";
}

TEST_F(ResilienceTest, AKilledPodRunsItsInitContainersAgain) {
  node_->exits_at_once["one"] = 0;
  create_ready_web({}, R"("initContainers": [{"name": "one", "command": ["true"]}])");
  node_->kill("default/web");
  EXPECT_TRUE(eventually([&] { return ready() && node_->count("start default/web one") == 2; }));
}

}  // namespace
}  // namespace nodelet
