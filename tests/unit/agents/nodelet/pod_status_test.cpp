#include "agents/nodelet/pod_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "tests/unit/agents/nodelet/objects.h"

namespace nodelet {
namespace {

using ::testing::ElementsAre;
using Phase = ContainerState::Phase;

ContainerStatus container(const std::string& name, ContainerState state) {
  return {name, "echo", state, {}, 0, false, false};
}
ContainerStatus waiting() {
  return container("c", {Phase::waiting, "ContainerCreating"});
}
ContainerStatus running(bool ready = true) {
  ContainerStatus status = container("c", {Phase::running});
  status.started = true;
  status.ready = ready;
  return status;
}
ContainerStatus ended(int exit_code) {
  ContainerState state{Phase::terminated};
  state.exit_code = exit_code;
  return container("c", state);
}
ContainerStatus crash_loop(int exit_code = 1) {
  ContainerStatus status = container("c", {Phase::waiting, "CrashLoopBackOff"});
  status.last = ended(exit_code).state;
  return status;
}

PodState pod_state(std::vector<ContainerStatus> containers, std::vector<ContainerStatus> init_containers = {}) {
  return {std::move(init_containers), std::move(containers), "10.244.1.2", "192.168.113.11", "2026-01-01T00:00:00Z"};
}
std::string phase(const std::string& policy, std::vector<ContainerStatus> containers,
                  std::vector<ContainerStatus> init_containers = {}) {
  return phase_of(parse_pod(R"({"restartPolicy": ")" + policy + "\"}"),
                  pod_state(std::move(containers), std::move(init_containers)));
}

TEST(PodPhase, IsKubelets) {
  for (const char* policy : {"Always", "OnFailure", "Never"}) {
    EXPECT_EQ(phase(policy, {waiting()}), "Pending");
    EXPECT_EQ(phase(policy, {running(), waiting()}), "Pending");
    EXPECT_EQ(phase(policy, {running(false)}), "Running");
    EXPECT_EQ(phase(policy, {running(), ended(1)}), "Running");
  }
  EXPECT_EQ(phase("Always", {ended(0)}), "Running");
  EXPECT_EQ(phase("Always", {crash_loop()}), "Running");
  EXPECT_EQ(phase("OnFailure", {ended(0), ended(0)}), "Succeeded");
  EXPECT_EQ(phase("OnFailure", {crash_loop(), ended(0)}), "Running");
  EXPECT_EQ(phase("Never", {ended(0)}), "Succeeded");
  EXPECT_EQ(phase("Never", {ended(0), ended(3)}), "Failed");
}

TEST(PodPhase, WaitsForInitContainers) {
  EXPECT_EQ(phase("Always", {waiting()}, {running()}), "Pending");
  EXPECT_EQ(phase("Always", {waiting()}, {crash_loop()}), "Pending");
  EXPECT_EQ(phase("Always", {running()}, {ended(0)}), "Running");
  EXPECT_EQ(phase("Never", {waiting()}, {ended(1)}), "Failed");
}

// "Ready=True", "Ready=False ContainersNotReady: containers with …".
std::vector<std::string> conditions(const kube::Pod& pod, const PodState& state,
                                    const std::vector<kube::Condition>& before = {}) {
  std::vector<std::string> texts;
  boost::json::object status = status_of(pod, state, before);
  for (const auto& element : kube::array_at(status, "conditions")) {
    const kube::Object& condition = element.as_object();
    std::string text = kube::text_at(condition, "type") + "=" + kube::text_at(condition, "status");
    std::string reason = kube::text_at(condition, "reason"), message = kube::text_at(condition, "message");
    if (!reason.empty()) text += " " + reason;
    if (!message.empty()) text += ": " + message;
    texts.push_back(text);
  }
  return texts;
}

TEST(PodConditions, SayWhatIsMissing) {
  EXPECT_THAT(conditions(parse_pod("{}"), pod_state({running()})),
              ElementsAre("Initialized=True", "Ready=True", "ContainersReady=True", "PodScheduled=True"));
  EXPECT_THAT(conditions(parse_pod("{}"), pod_state({running(false)})),
              ElementsAre("Initialized=True", "Ready=False ContainersNotReady: containers with unready status: [c]",
                          "ContainersReady=False ContainersNotReady: containers with unready status: [c]",
                          "PodScheduled=True"));
  EXPECT_THAT(conditions(parse_pod("{}"), pod_state({waiting()}, {container("init", {Phase::running})}))[0],
              "Initialized=False ContainersNotInitialized: containers with incomplete status: [init]");
  EXPECT_THAT(conditions(parse_pod(R"({"restartPolicy": "Never"})"), pod_state({ended(0)})),
              ElementsAre("Initialized=True PodCompleted", "Ready=False PodCompleted",
                          "ContainersReady=False PodCompleted", "PodScheduled=True"));
  EXPECT_THAT(conditions(parse_pod(R"({"restartPolicy": "Never"})"), pod_state({ended(1)}))[1],
              "Ready=False PodFailed");
}

TEST(PodConditions, WaitForReadinessGates) {
  kube::Pod pod = parse_pod(R"({"readinessGates": [{"conditionType": "lb.example/ready"}]})");
  PodState state = pod_state({running()});
  EXPECT_EQ(conditions(pod, state)[1],
            "Ready=False ReadinessGatesNotReady: corresponding condition of pod readiness gate \"lb.example/ready\" "
            "does not exist.");
  EXPECT_EQ(conditions(pod, state, {{"lb.example/ready", "True", "", ""}})[1], "Ready=True");
}

TEST(PodConditions, KeepTheirTimeAsLongAsTheyKeepTheirValue) {
  std::vector<kube::Condition> before{{"Ready", "True", "", "", "2026-01-01T00:00:00Z"},
                                      {"ContainersReady", "False", "", "", "2026-01-01T00:00:00Z"}};
  boost::json::object status = status_of(parse_pod("{}"), pod_state({running()}), before);
  const auto& list = kube::array_at(status, "conditions");
  EXPECT_EQ(kube::text_at(list[1].as_object(), "lastTransitionTime"), "2026-01-01T00:00:00Z");
  EXPECT_NE(kube::text_at(list[2].as_object(), "lastTransitionTime"), "2026-01-01T00:00:00Z");
}

TEST(PodStatus, ReplacesAddressesInsteadOfAddingThem) {
  boost::json::object patch = status_patch("u1", status_of(parse_pod("{}"), pod_state({running()}), {}));
  EXPECT_EQ(kube::text_at(patch, "metadata.uid"), "u1");
  const auto& addresses = kube::array_at(patch, "status.podIPs");
  ASSERT_EQ(addresses.size(), 2u);
  EXPECT_EQ(kube::text_at(addresses[0].as_object(), "$patch"), "replace");
  EXPECT_EQ(kube::text_at(addresses[1].as_object(), "ip"), "10.244.1.2");
}

TEST(PodStatus, ContainersAreReadBackAsTheyWereWritten) {
  ContainerStatus crashed = crash_loop(3);
  crashed.restarts = 2;
  crashed.last->id = "c7";
  crashed.last->reason = "Error";
  ContainerStatus healthy = running();
  healthy.name = "healthy";
  healthy.state.id = "c8";
  healthy.state.started_at = "2026-01-01T00:00:01Z";
  kube::Object pod{{"status", status_of(parse_pod("{}"), pod_state({crashed, healthy}), {})}};
  std::optional<ContainerStatus> first = parse_container_status(pod, "c");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->restarts, 2);
  EXPECT_EQ(first->state.reason, "CrashLoopBackOff");
  EXPECT_EQ(first->last->exit_code, 3);
  EXPECT_EQ(first->last->id, "c7");
  std::optional<ContainerStatus> second = parse_container_status(pod, "healthy");
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->state.running());
  EXPECT_TRUE(second->ready && second->started);
  EXPECT_EQ(second->state.id, "c8");
  EXPECT_EQ(second->state.started_at, "2026-01-01T00:00:01Z");
  EXPECT_FALSE(parse_container_status(pod, "nobody"));
}

TEST(PodStatus, IsContradictedByWhatOthersDecideBy) {
  boost::json::object status = status_of(parse_pod("{}"), pod_state({running()}), {});
  kube::Pod current = kube::Pod::parse({{"status", status}});
  EXPECT_FALSE(contradicts(current, status));
  kube::Pod unready = current;
  unready.conditions[1].status = "False";
  EXPECT_TRUE(contradicts(unready, status));
  kube::Pod failed = current;
  failed.phase = "Failed";
  EXPECT_TRUE(contradicts(failed, status));
}

}  // namespace
}  // namespace nodelet
