#include "agents/nodelet/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agents/nodelet/objects.h"

namespace nodelet {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::variant<Command, Refusal> what_runs(const std::string& container) {
  kube::Pod pod = parse_pod(R"({"containers": [)" + container + "]}");
  return command_for(pod, pod.containers[0], {"worker1", "192.168.113.11", "10.244.1.2"});
}
std::vector<std::string> arguments(const std::string& container) {
  auto what = what_runs(container);
  if (const auto* refusal = std::get_if<Refusal>(&what)) return {refusal->reason, refusal->message};
  return std::get<Command>(what).arguments;
}
std::map<std::string, std::string> environment(const std::string& container) {
  return std::get<Command>(what_runs(container)).environment;
}

TEST(Workload, EchoServesTheContainersPorts) {
  const std::string program = "/run/labctl/libexec/echo";
  EXPECT_THAT(arguments(R"({"name": "c", "image": "echo"})"), ElementsAre(program, "--http", "8080"));
  EXPECT_THAT(arguments(R"({"name": "c", "image": "echo", "ports": [{"containerPort": 80}, {"containerPort": 81},
                {"containerPort": 53, "protocol": "UDP"}]})"),
              ElementsAre(program, "--http", "80", "--http", "81", "--udp", "53"));
  EXPECT_THAT(arguments(R"({"name": "c", "image": "echo", "ports": [{"containerPort": 80}], "args": ["--tcp", "7"]})"),
              ElementsAre(program, "--tcp", "7"));
}

TEST(Workload, EchoIsTheLastComponentOfTheImagesName) {
  for (const char* image : {"echo:1.2", "registry.example:5000/team/echo", "labctl/echo@sha256:0123"}) {
    EXPECT_THAT(arguments(std::string(R"({"name": "c", "image": ")") + image + "\"}"), Contains("--http")) << image;
  }
  EXPECT_THAT(arguments(R"({"name": "c", "image": "echo/server"})"), Contains("ErrImageNeverPull"));
}

TEST(Workload, ACommandOfTheHostWinsOverTheImage) {
  EXPECT_THAT(arguments(R"({"name": "c", "image": "echo", "command": ["sleep"], "args": ["60"]})"),
              ElementsAre("sleep", "60"));
}

TEST(Workload, AnotherImageIsRefusedWithTheMend) {
  auto refusal = std::get<Refusal>(what_runs(R"({"name": "c", "image": "nginx:1.25", "args": ["x"]})"));
  EXPECT_EQ(refusal.reason, "ErrImageNeverPull");
  EXPECT_THAT(refusal.message, HasSubstr("\"nginx:1.25\" is not present"));
  EXPECT_THAT(refusal.message, HasSubstr("command: [nginx, -g, daemon off;]"));
}

TEST(Workload, KnowsWhoAndWhereItIs) {
  EXPECT_THAT(environment(R"({"name": "c", "image": "echo"})"),
              ElementsAre(Pair("NODE_NAME", "worker1"), Pair("POD_IP", "10.244.1.2"), Pair("POD_NAME", "web"),
                          Pair("POD_NAMESPACE", "default")));
  EXPECT_THAT(environment(R"({"name": "c", "image": "echo", "env": [{"name": "POD_NAME", "value": "other"}]})"),
              Contains(Pair("POD_NAME", "other")));
}

TEST(Workload, ReadsFieldsOfThePod) {
  auto variable = [](const std::string& field) {
    return environment(
        R"({"name": "c", "image": "echo", "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": ")" + field +
        "\"}}}]}")["X"];
  };
  EXPECT_EQ(variable("metadata.name"), "web");
  EXPECT_EQ(variable("metadata.namespace"), "default");
  EXPECT_EQ(variable("metadata.uid"), "u1");
  EXPECT_EQ(variable("status.podIP"), "10.244.1.2");
  EXPECT_EQ(variable("status.hostIP"), "192.168.113.11");
  EXPECT_EQ(variable("spec.nodeName"), "worker1");
  EXPECT_EQ(variable("metadata.labels['app']"), "web");
  EXPECT_EQ(variable("metadata.annotations['note']"), "hello");
}

// Silently empty variables are found hours later.
TEST(Workload, RefusesVariablesThatItCannotRead) {
  auto reason = [](const std::string& more) {
    auto refusal = std::get<Refusal>(what_runs(R"({"name": "c", "image": "echo", )" + more + "}"));
    EXPECT_EQ(refusal.reason, "CreateContainerConfigError");
    return refusal.message;
  };
  EXPECT_THAT(reason(R"("env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}])"),
              HasSubstr("env X: valueFrom.configMapKeyRef is not served here"));
  EXPECT_THAT(reason(R"("env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "status.nothing"}}}])"),
              HasSubstr("there is no field status.nothing"));
  EXPECT_THAT(reason(R"("envFrom": [{"configMapRef": {"name": "m"}}])"), HasSubstr("envFrom"));
}

TEST(Workload, ExpandsVariablesAsKubernetesDoes) {
  EXPECT_THAT(arguments(R"json({"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}],
                "command": ["run", "--name=$(POD_NAME)", "$(A)", "$$(A)", "$(B)", "$A"]})json"),
              ElementsAre("run", "--name=web", "1", "$(A)", "$(B)", "$A"));
  EXPECT_THAT(environment(R"json({"name": "c", "image": "echo",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]})json"),
              Contains(Pair("B", "12")));
  for (const char* text : {"$", "$(", "$(A", "a$"}) EXPECT_EQ(expand(text, {{"A", "1"}}), text);
}

}  // namespace
}  // namespace nodelet
