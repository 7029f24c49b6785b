// What becomes of pods: begun, restarted, probed, ended.
#include <boost/json/array.hpp>

#include "lib/base/error.h"
#include "tests/unit/agents/nodelet/fixture.h"

namespace nodelet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PodsTest : public NodeletTest {
 protected:
  void SetUp() override {
    NodeletTest::SetUp();
    if (!IsSkipped()) start_ready_nodelet();
  }
  std::string waiting_reason(const std::string& container = "web") {
    return kube::text_at(container_status(container), "state.waiting.reason");
  }
  // The calls about "default/NAME", without that.
  std::vector<std::string> calls(const std::string& name = "web") {
    std::vector<std::string> result;
    for (const std::string& call : node_->calls) {
      size_t at = call.find(" default/" + name);
      if (at == std::string::npos) continue;
      result.push_back(call.substr(0, at) + call.substr(at + name.size() + 9));
    }
    return result;
  }
};

TEST_F(PodsTest, RunsAPod) {
  create_web(R"("ports": [{"containerPort": 80}])");
  ASSERT_TRUE(eventually([&] { return ready(); })) << log_.str();
  boost::json::object sandbox = request();
  EXPECT_EQ(kube::text_at(sandbox, "uid"), uid());
  EXPECT_EQ(kube::text_at(sandbox, "hostname"), "web");
  EXPECT_EQ(kube::text_at(sandbox, "address"), "10.244.1.2/24");
  EXPECT_EQ(kube::text_at(sandbox, "gateway"), "10.244.1.1");
  EXPECT_EQ(kube::text_at(sandbox, "bridge"), "cni0");
  EXPECT_EQ(kube::text_at(sandbox, "bridgeAddress"), "10.244.1.1/24");
  EXPECT_FALSE(sandbox.contains("dns")) << "there is no DNS in this cluster";
  boost::json::object started = node_->find("default/web", "web")->request;
  EXPECT_THAT(kube::strings_at(started, "argv"), ElementsAre("/run/labctl/libexec/echo", "--http", "80"));
  EXPECT_EQ(kube::text_at(started, "env.POD_IP"), "10.244.1.2");
  EXPECT_EQ(kube::text_at(started, "env.NODE_NAME"), "worker1");
  EXPECT_EQ(phase(), "Running");
  EXPECT_THAT(pod().pod_ips, ElementsAre("10.244.1.2"));
  EXPECT_EQ(pod().host_ip, "192.168.113.11");
  EXPECT_TRUE(kube::flag_at(container_status(), "started"));
  EXPECT_TRUE(eventually([&] { return event("Started").message == "Started container web"; }));
}

TEST_F(PodsTest, ComesToRest) {
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  never([] { return false; }, 200ms);
  std::string version = kube::text_at(pod_object(), "metadata.resourceVersion");
  never([] { return false; }, 1100ms);
  EXPECT_EQ(kube::text_at(pod_object(), "metadata.resourceVersion"), version);
}

TEST_F(PodsTest, OnlyThoseOfItsOwnNode) {
  api_->create("pods", R"({"metadata": {"name": "other"}, "spec": {"nodeName": "worker2",
    "containers": [{"name": "c", "image": "echo"}]}})");
  EXPECT_TRUE(never([&] { return !node_->calls.empty(); }));
}

// Whoever still talks to a pod that has just gone does not reach another one.
TEST_F(PodsTest, GivesTheNextAddressAfterTheLast) {
  for (const char* name : {"a", "b", "c"}) {
    create_pod(name, R"("containers": [{"name": "web", "image": "echo"}])");
    ASSERT_TRUE(eventually([&] { return ready(name); }));
  }
  EXPECT_EQ(pod("c").pod_ip, "10.244.1.4");
  api_->remove("pods", "default/b");
  ASSERT_TRUE(eventually([&] { return api_->find("pods", "default/b") == nullptr; }));
  create_pod("d", R"("containers": [{"name": "web", "image": "echo"}])");
  ASSERT_TRUE(eventually([&] { return ready("d"); }));
  EXPECT_EQ(pod("d").pod_ip, "10.244.1.5");
}

TEST_F(PodsTest, AHostNetworkPodHasTheNodesAddress) {
  create_web({}, R"("hostNetwork": true)");
  ASSERT_TRUE(eventually([&] { return ready(); }));
  EXPECT_TRUE(kube::flag_at(request(), "hostNetwork"));
  EXPECT_FALSE(request().contains("address"));
  EXPECT_EQ(pod().pod_ip, "192.168.113.11");
}

// ---- init containers

TEST_F(PodsTest, RunsInitContainersInOrderBeforeTheOthers) {
  create_web({}, R"("initContainers": [{"name": "one", "command": ["true"]}, {"name": "two", "command": ["true"]}])");
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web", "one"); }));
  EXPECT_TRUE(never([&] { return node_->find("default/web", "two") || node_->find("default/web", "web"); }));
  EXPECT_EQ(phase(), "Pending");
  EXPECT_EQ(waiting_reason(), "PodInitializing");
  node_->exit("default/web", "one", 0);
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web", "two"); }));
  EXPECT_EQ(node_->find("default/web", "web"), nullptr);
  node_->exit("default/web", "two", 0);
  EXPECT_TRUE(eventually([&] { return ready(); }));
}

TEST_F(PodsTest, AFailedInitContainerIsRunAgainOrFailsThePod) {
  create_web({}, R"("initContainers": [{"name": "one", "command": ["false"]}])");
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web", "one"); }));
  node_->exit("default/web", "one", 1);
  EXPECT_TRUE(eventually([&] { return node_->count("start default/web one") == 2; }));
  EXPECT_TRUE(eventually([&] { return restarts("one") == 1; }));
  create_pod("once", R"("restartPolicy": "Never", "initContainers": [{"name": "one", "command": ["false"]}],
    "containers": [{"name": "web", "image": "echo"}])");
  ASSERT_TRUE(eventually([&] { return node_->runs("default/once", "one"); }));
  node_->exit("default/once", "one", 1);
  EXPECT_TRUE(eventually([&] { return phase("once") == "Failed"; }));
  EXPECT_EQ(node_->find("default/once", "web"), nullptr);
}

// ---- restarts

TEST_F(PodsTest, RestartsWithABackOff) {
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  node_->exit("default/web", "web", 3);
  EXPECT_TRUE(eventually([&] { return waiting_reason() == "CrashLoopBackOff"; }));
  EXPECT_FALSE(ready());
  EXPECT_EQ(phase(), "Running");
  EXPECT_EQ(kube::number_at(container_status(), "lastState.terminated.exitCode"), 3);
  EXPECT_EQ(kube::text_at(container_status(), "lastState.terminated.reason"), "Error");
  EXPECT_EQ(restarts(), 0) << "it has not been restarted yet";
  EXPECT_TRUE(eventually([&] { return ready(); }));
  EXPECT_EQ(restarts(), 1);
  auto begin = std::chrono::steady_clock::now();
  node_->exit("default/web", "web", 0);
  ASSERT_TRUE(eventually([&] { return restarts() == 2; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms) << "the second wait is twice the first";
  EXPECT_TRUE(eventually([&] { return event("BackOff").count == 2; })) << "the same event again is counted";
}

TEST_F(PodsTest, TheRestartPolicySaysWhatIsRestarted) {
  create_web({}, R"("restartPolicy": "OnFailure")");
  create_pod("once", R"("restartPolicy": "Never", "containers": [{"name": "web", "image": "echo"}])");
  ASSERT_TRUE(eventually([&] { return ready() && ready("once"); }));
  node_->exit("default/web", "web", 1);
  node_->exit("default/once", "web", 1);
  EXPECT_TRUE(eventually([&] { return phase("once") == "Failed"; }));
  ASSERT_TRUE(eventually([&] { return node_->runs("default/web") && ready(); }));
  node_->exit("default/web", "web", 0);
  EXPECT_TRUE(eventually([&] { return phase() == "Succeeded"; }));
  EXPECT_EQ(kube::text_at(container_status(), "state.terminated.reason"), "Completed");
  EXPECT_TRUE(never([&] { return node_->runs("default/web") || node_->runs("default/once"); }));
}

// The event may be faster than the answer to the request that started it.
TEST_F(PodsTest, NoticesAContainerThatEndsAtOnce) {
  node_->exits_at_once["web"] = 7;
  create_web({}, R"("restartPolicy": "Never")");
  EXPECT_TRUE(eventually([&] { return phase() == "Failed"; }));
  EXPECT_EQ(kube::number_at(container_status(), "state.terminated.exitCode"), 7);
}

// ---- what goes wrong

TEST_F(PodsTest, SaysWhyAnImageCannotBeRun) {
  create_pod("web", R"("containers": [{"name": "web", "image": "nginx"}])");
  EXPECT_TRUE(eventually([&] { return waiting_reason() == "ErrImageNeverPull"; }));
  EXPECT_THAT(kube::text_at(container_status(), "state.waiting.message"), HasSubstr("command of the host"));
  EXPECT_TRUE(eventually([&] { return event("Failed").count == 1; }));
  EXPECT_EQ(phase(), "Pending");
  api_->remove("pods", "default/web");
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
}

TEST_F(PodsTest, TellsTheNodeApisWordsAndTriesAgain) {
  node_->create_refusal = "pod default/web: create veth link: File exists";
  create_web();
  EXPECT_TRUE(eventually([&] { return event("FailedCreatePodSandBox").count >= 2; }));
  EXPECT_THAT(event("FailedCreatePodSandBox").message, HasSubstr("create veth link: File exists"));
  node_->create_refusal.clear();
  EXPECT_TRUE(eventually([&] { return ready(); }));
  EXPECT_EQ(pod().pod_ip, "10.244.1.2") << "an address is lost with each attempt";
}

TEST_F(PodsTest, ACommandThatCannotBeStartedIsAFailedRun) {
  node_->start_refusals["web"] = "run foo: No such file or directory";
  create_web(R"("command": ["foo"])");
  EXPECT_TRUE(eventually([&] { return restarts() >= 1; }));
  EXPECT_EQ(kube::text_at(container_status(), "lastState.terminated.reason"), "StartError");
  EXPECT_EQ(kube::text_at(container_status(), "lastState.terminated.message"), "run foo: No such file or directory");
  EXPECT_THAT(event("Failed").message, HasSubstr("run foo: No such file or directory"));
  node_->start_refusals.clear();
  EXPECT_TRUE(eventually([&] { return ready(); }));
}

TEST_F(PodsTest, SaysThatVolumesAreNotServed) {
  create_web(R"("volumeMounts": [{"name": "data", "mountPath": "/data"}])");
  EXPECT_TRUE(eventually([&] { return event("FailedMount").count == 1 && ready(); }));
}

TEST_F(PodsTest, KnowsItsHostAliases) {
  create_web("", R"("hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db", "db.example"]}])");
  ASSERT_TRUE(eventually([&] { return ready(); }));
  EXPECT_EQ(request().at("hosts"), boost::json::parse(R"({"10.0.0.1": ["db", "db.example"]})"));
}

TEST_F(PodsTest, SaysOnceWhatItDoesNotServe) {
  create_web(R"("tty": true, "securityContext": {"runAsUser": 1000})",
             R"("hostPID": true, "securityContext": {}, "initContainers": [])");
  ASSERT_TRUE(eventually([&] { return ready() && event("Unsupported").count > 0; }));
  EXPECT_EQ(event("Unsupported").message,
            "not served here, and ignored: spec.hostPID, spec.containers{web}.securityContext, "
            "spec.containers{web}.tty");
  restart_nodelet();
  EXPECT_TRUE(never([&] { return event("Unsupported").count > 1; }));
}

TEST_F(PodsTest, SaysNothingOfThatWhereItServesEverything) {
  create_web(R"("resources": {}, "readinessProbe": {"exec": {"command": ["true"]}}, "securityContext": {})");
  ASSERT_TRUE(eventually([&] { return ready(); }));
  EXPECT_TRUE(never([&] { return event("Unsupported").count > 0; }));
}

// ---- postStart

TEST_F(PodsTest, IsReadyWhenItsPostStartHasSucceeded) {
  bool may_go_on = false;
  node_->execute_later = [&] { return may_go_on; };
  create_web(R"("lifecycle": {"postStart": {"exec": {"command": ["warm", "up"]}}})");
  ASSERT_TRUE(eventually([&] { return node_->count("exec default/web warm up") == 1; }));
  EXPECT_TRUE(never([&] { return ready() || kube::flag_at(container_status(), "started"); }));
  may_go_on = true;
  EXPECT_TRUE(eventually([&] { return ready(); }));
  EXPECT_THAT(calls(), ElementsAre("create", "start web", "exec warm up"));
}

TEST_F(PodsTest, RestartsAContainerWhosePostStartFails) {
  int exit_code = 3;
  node_->execute = [&](const std::string&) {
    return boost::json::object{{"exit", std::exchange(exit_code, 0)}, {"output", "no"}};
  };
  create_web(R"("lifecycle": {"postStart": {"exec": {"command": ["warm"]}}})");
  EXPECT_TRUE(eventually([&] { return ready() && restarts() == 1; })) << log_.str();
  EXPECT_EQ(event("FailedPostStartHook").message, "PostStartHook failed: exit code 3: no");
  EXPECT_THAT(calls(), ElementsAre("create", "start web", "exec warm", "signal web 15", "start web", "exec warm"));
}

TEST_F(PodsTest, EndsWhileItsPostStartIsStillRunning) {
  node_->execute_later = [] { return false; };
  create_web(R"("lifecycle": {"postStart": {"exec": {"command": ["warm"]}}})");
  ASSERT_TRUE(eventually([&] { return node_->count("exec default/web warm") == 1; }));
  api_->remove("pods", "default/web");
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_EQ(event("FailedPostStartHook").count, 0);
}

// ---- the end

TEST_F(PodsTest, EndsGently) {
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web");
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_THAT(calls(), ElementsAre("create", "start web", "signal web 15", "remove"));
  EXPECT_THAT(node_->pods, IsEmpty());
  EXPECT_TRUE(eventually([&] { return event("Killing").message == "Stopping container web"; }));
}

TEST_F(PodsTest, KillsWhatDoesNotEndWithinItsGrace) {
  node_->ignore_term = {"web"};
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  auto begin = std::chrono::steady_clock::now();
  api_->remove("pods", "default/web", 1);
  EXPECT_TRUE(never([&] { return !node_->runs("default/web"); }, 800ms));
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_THAT(calls(), ElementsAre("create", "start web", "signal web 15", "signal web 9", "remove"));
}

TEST_F(PodsTest, ShortensItsGraceWhenToldTo) {
  node_->ignore_term = {"web"};
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web");
  ASSERT_TRUE(eventually([&] { return node_->count("signal default/web web 15") == 1; }));
  api_->remove("pods", "default/web", 1);
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }, 3s));
}

TEST_F(PodsTest, RunsPreStopBeforeTheSignal) {
  create_web(R"("lifecycle": {"preStop": {"exec": {"command": ["drain", "now"]}}})");
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web");
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_THAT(calls(), ElementsAre("create", "start web", "exec drain now", "signal web 15", "remove"));
}

TEST_F(PodsTest, SleepsInPreStopWhileItStillServes) {
  create_web(R"("lifecycle": {"preStop": {"sleep": {"seconds": 1}}})");
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web");
  EXPECT_TRUE(never([&] { return !node_->runs("default/web"); }, 700ms));
  EXPECT_TRUE(ready()) << "it serves until it is told to end";
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
}

TEST_F(PodsTest, AForcedDeletionEndsItAtOnce) {
  node_->ignore_term = {"web"};
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web", 0);
  EXPECT_TRUE(eventually([&] { return node_->pods.empty(); }, 1s));
}

TEST_F(PodsTest, DoesNotRestartWhatIsBeingEnded) {
  node_->ignore_term = {"slow"};
  create_pod("web", R"("containers": [{"name": "web", "image": "echo"}, {"name": "slow", "image": "echo"}])");
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web", 1);
  EXPECT_TRUE(eventually([&] { return kube::text_at(container_status(), "state.terminated.reason") == "Error"; }));
  EXPECT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_EQ(node_->count("start default/web web"), 1u);
  EXPECT_EQ(event("BackOff").count, 0);
}

TEST_F(PodsTest, AnotherPodOfTheSameNameIsAnotherPod) {
  node_->ignore_term = {"web"};
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  std::string first = uid();
  api_->remove("pods", "default/web", 0);
  create_web();
  ASSERT_NE(uid(), first);
  EXPECT_TRUE(eventually([&] { return ready(); })) << log_.str();
  EXPECT_EQ(kube::text_at(request(), "uid"), uid());
  EXPECT_EQ(restarts(), 0);
}

// ---- DNS

TEST_F(PodsTest, AsksTheClustersDnsWhereThereIsOne) {
  api_->create("services", R"({"metadata": {"name": "kube-dns", "namespace": "kube-system"},
    "spec": {"clusterIP": "10.108.0.10", "ports": [{"port": 53, "protocol": "UDP"}]}})");
  never([] { return false; }, 100ms);
  create_web();
  ASSERT_TRUE(eventually([&] { return ready(); }));
  EXPECT_THAT(kube::strings_at(request(), "dns.nameservers"), ElementsAre("10.108.0.10"));
  EXPECT_EQ(kube::strings_at(request(), "dns.searches")[0], "default.svc.cluster.local");
}

// ---- ports of the node

class PodHostPortsTest : public PodsTest {
 protected:
  void SetUp() override {
    PodsTest::SetUp();
    if (IsSkipped()) return;
    try {
      iptables_ = netfilter::Iptables::choose();
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  void create_ready_pod(const std::string& name, int host_port) {
    create_pod(name, R"("containers": [{"name": "web", "image": "echo", "ports": [{"containerPort": 80, "hostPort": )" +
                         std::to_string(host_port) + "}]}]");
    ASSERT_TRUE(eventually([&] { return ready(name); })) << log_.str();
  }
  bool is_mapped(const std::string& name) {
    return iptables_->rules("nat").count(host_port_chain("default/" + name)) > 0;
  }

  std::optional<netfilter::Iptables> iptables_;
};

TEST_F(PodHostPortsTest, HasItsHostPortsAsLongAsItIsThere) {
  create_ready_pod("web", 8410);
  EXPECT_TRUE(is_mapped("web"));
  api_->remove("pods", "default/web");
  ASSERT_TRUE(eventually([&] { return api_->find("pods", "default/web") == nullptr; }));
  EXPECT_FALSE(is_mapped("web"));
}

TEST_F(PodHostPortsTest, HasItsHostPortsBackWhenTheTableIsFlushed) {
  create_ready_pod("web", 8410);
  netfilter::IptablesRules before = iptables_->rules("nat");
  iptables_->restore("*nat\n-F\n-X\nCOMMIT\n");
  ASSERT_FALSE(is_mapped("web"));
  EXPECT_TRUE(eventually([&] { return iptables_->rules("nat") == before; }));
}

// Whoever gets its address next would be reached by its ports.
TEST_F(PodHostPortsTest, ANewNodeletTakesAwayTheHostPortsOfAPodThatWasDeletedMeanwhile) {
  create_ready_pod("gone", 8410);
  stop_nodelet();
  api_->remove("pods", "default/gone", 0);
  start_nodelet();
  ASSERT_TRUE(eventually([&] { return node_->pods.empty(); }));
  EXPECT_FALSE(is_mapped("gone"));
}

}  // namespace
}  // namespace nodelet
