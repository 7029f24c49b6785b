// Scenarios of plain nodes: on the host's kernel, and on an embedded one.
#include <signal.h>
#include <sys/wait.h>

#include <functional>
#include <thread>

#include "labctl/lab/control.h"
#include "lib/base/process.h"
#include "tests/lab/scenario/labctl_test.h"

namespace {

using testing::HasSubstr;

const char* const every_way = R"(
version: 1
name: every-way
networks: { lan: { subnet: 192.168.113.0/24 } }
nodes:
  client: { links: { lan: 192.168.113.102 } }
  rs1:
    links: { lan: 192.168.113.99 }
    workloads: { web: { serve: http, port: 8080 }, lines: { serve: tcp, port: 9000 }, datagrams: { serve: udp, port: 9001 } }
  rs2: { links: { lan: 192.168.113.100 }, workloads: { web: { serve: http, port: 8080 } } }
scenario:
  - expect: { from: client, ping: 192.168.113.99 }
  - expect:
      from: client
      http: "http://${node:rs1:ip}:8080/"
      requests: 3
      status: 200
      answeredBy: rs1
      answeredOn: rs1
      sees: "${node:client:ip}"
  - expect: { from: client, tcp: "rs1:9000", answeredBy: rs1, sees: 192.168.113.102 }
  - expect: { from: client, udp: "rs1:9001", answeredBy: rs1, sees: 192.168.113.102 }
  - expect: { from: client, http: "http://rs1:8080/status/503", status: 503 }
  - expect: { from: client, tcp: "192.168.113.99:1", fails: refused }
  - expect: { from: client, udp: "192.168.113.99:1", fails: refused }
  - expect: { from: client, tcp: "10.9.9.9:1", fails: unreachable }
  - expect: { from: client, ping: 10.9.9.9, fails: unreachable }
  - expect: { from: client, tcp: "192.168.113.77:1", fails: unreachable }
  - do: { on: rs1, run: "iptables -I INPUT -p tcp --dport 8080 -j DROP" }
  - expect: { from: client, http: "http://192.168.113.99:8080/", timeout: 500ms, fails: timeout }
  - expect: { on: rs1, rule: "--dport 8080", atLeast: 1 }
  - do: { on: rs1, run: "iptables -R INPUT 1 -p tcp --dport 8080 -j REJECT --reject-with icmp-host-unreachable" }
  - expect: { from: client, http: "http://192.168.113.99:8080/", fails: unreachable }
  - do: { on: rs1, run: "iptables -F INPUT" }
  - expect: { on: client, run: "ip route get 192.168.113.99", prints: "dev lan src ${node:client:ip}" }
  - fault: { kill: { process: web@rs1 } }
  - expect: { from: client, http: "http://192.168.113.99:8080/", fails: refused, within: 5s }
  - fault: { restart: { process: web@rs1 } }
  - expect: { from: client, http: "http://192.168.113.99:8080/", within: 10s }
  - fault: { kill: { node: rs2 } }
  - expect: { from: client, http: "http://192.168.113.100:8080/", timeout: 1s, fails: any, within: 5s }
)";

class Plain : public LabctlTest, public testing::WithParamInterface<const char*> {};

TEST_P(Plain, EveryWayToEndIsToldApart) {
  boost::json::object result = run(file("every-way.yaml", every_way), {"--kernel", GetParam()});
  if (could_not_run()) GTEST_SKIP() << why_;
  EXPECT_EQ(exit_code_, 0) << shown_;
  EXPECT_EQ(failed_step(result), 0u) << shown_;
  EXPECT_EQ(result.at("kernel").at("provider").as_string(), GetParam());
  EXPECT_TRUE(lab::living_labs().empty());
  EXPECT_FALSE(std::filesystem::exists(output())) << "only a failure leaves something";
}

const char* const captured = R"(
version: 1
name: captured
networks: { lan: { subnet: 10.0.0.0/24 } }
nodes:
  a: { links: { lan: 10.0.0.1 } }
  b: { links: { lan: 10.0.0.2 } }
scenario:
  - capture: { on: b, link: lan, filter: icmp }
  - capture: a
  - expect: { from: a, ping: 10.0.0.2 }
  - expect: { on: b, captured: "src host ${node:a:ip}", packets: 1 }
  - expect: { on: b, captured: icmp, packets: 2 }
  - expect: { on: a, link: lan, captured: arp }
  - expect: { on: a, captured: tcp, packets: 0 }
  - capture: { on: b, link: lan, filter: icmp }
  - expect: { on: b, captured: icmp, packets: 0 }
  - expect: { from: a, ping: 10.0.0.2 }
  - expect: { on: a, route: 10.0.0.0/24 dev lan src 10.0.0.1 }
  - expect: { on: a, route: default, count: 0 }
  - expect: { on: a, neighbour: 10.0.0.2, link: lan }
  - expect: { on: a, link: lan, up: true, kind: veth, mtu: 1500, state: UP }
  - expect: { on: a, neighbour: 10.0.0.9, count: 0 }
  - expect: { on: b, captured: "src host 10.9.9.9" }
)";

TEST_P(Plain, WhatIsCapturedIsCountedAndKept) {
  boost::json::object result = run(file("captured.yaml", captured), {"--kernel", GetParam()});
  if (could_not_run()) GTEST_SKIP() << why_;
  EXPECT_EQ(failed_step(result), 16u) << shown_;
  EXPECT_THAT(shown_, HasSubstr("0 of the 2 captured packets match; the last of all:"));
  EXPECT_THAT(shown_, HasSubstr("b:lan IP 10.0.0.1 > 10.0.0.2: ICMP echo request"));
  std::filesystem::path captures = std::filesystem::path(std::string(result.at("folder").as_string())) / "captures";
  for (const char* left : {"b-lan.1.pcapng", "b-lan.2.pcapng", "a-all-links.1.pcapng"}) {
    EXPECT_TRUE(std::filesystem::exists(captures / left)) << left;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Plain, testing::Values("host", "uml"),
                         [](const auto& kernel) { return std::string(kernel.param); });

class Scenario : public LabctlTest {};

const char* const fails = R"(
version: 1
name: fails
networks: { lan: { subnet: 10.0.0.0/24 } }
nodes:
  a: { links: { lan: 10.0.0.1 }, workloads: { web: { serve: http, port: 80 }, talks: { run: "echo my last words; sleep 1000" } } }
  b: { links: { lan: 10.0.0.2 } }
scenario:
  - fault: { kill: { process: web@a } }
  - expect: { from: b, http: "http://10.0.0.1/", within: 200ms }
  - do: { on: a, run: "true" }
)";

TEST_F(Scenario, AFailureIsExplainedAndLeavesAFolder) {
  boost::json::object result = run(file("fails.yaml", fails));
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(outcomes(result), testing::ElementsAre("1 passed", "2 failed", "3 not run"));
  EXPECT_THAT(shown_, HasSubstr("(10.0.0.2:"));
  EXPECT_THAT(shown_, HasSubstr("to 10.0.0.1:80: connect: Connection refused)"));
  EXPECT_THAT(shown_, HasSubstr("routes of b:"));
  EXPECT_THAT(shown_, HasSubstr("web@a is exited, exit code 137"));
  std::filesystem::path remains = std::string(result.at("folder").as_string());
  for (const char* left : {"events.jsonl", "processes.json", "lab.log", "fails.yaml", "nodes/b/routes",
                           "nodes/a/addresses", "nodes/a/rules-filter.json"}) {
    EXPECT_TRUE(std::filesystem::exists(remains / left)) << left;
  }
  boost::json::value written = boost::json::parse(base::read_file(remains / "result.json"));
  EXPECT_EQ(written.at("outcome").as_string(), "failed");
  EXPECT_TRUE(written.at("tools").as_object().contains("iproute2"));
  EXPECT_EQ(base::read_file((remains / "processes/talks@a.log").string()), "my last words\n");
  EXPECT_TRUE(lab::living_labs().empty());
}

TEST_F(Scenario, WhatIsKeptIsHealed) {
  run(file("fails.yaml", fails), {"--keep"});
  ASSERT_EQ(lab::living_labs().size(), 1u) << shown_;
  base::RunResult answer = base::run_command(
      {LABCTL, "exec", lab::living_labs()[0].name, "b", "--", "curl", "-s", "-m", "5", "http://10.0.0.1/"});
  EXPECT_THAT(answer.output, HasSubstr("\"server\":\"a\"")) << answer.error_output;
}

TEST_F(Scenario, ALabThatDoesNotComeUpIsAFailure) {
  boost::json::object result = run(
      file("dead.yaml",
           "version: 1\nname: dead\nnodes: {a: {workloads: {w: {run: 'echo I cannot; exit 3', ready: {tcp: 80}}}}}\n"));
  std::filesystem::path remains = std::string(result.at("folder").as_string());
  EXPECT_TRUE(std::filesystem::exists(remains / "lab.log"));
  EXPECT_TRUE(std::filesystem::exists(remains / "result.json"));
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(why_, HasSubstr("I cannot"));
  EXPECT_TRUE(lab::living_labs().empty());
}

bool wait_for(const std::function<bool()>& condition) {
  for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return condition();
}

// Whether the scenario of the one living lab has come to its sleep.
bool sleeps() {
  try {
    lab::Command command;
    command.node = "a";
    command.arguments = {"pgrep", "sleep"};
    return lab::Control(lab::living_labs().at(0)).run(command).exit_code == 0;
  } catch (const std::exception&) {
    return false;
  }
}

// Whoever waits for labctl test gives up, gently or not: no lab is left.
TEST_F(Scenario, NoLabOutlivesItsTest) {
  std::string topology =
      file("long.yaml", "version: 1\nname: long\nnodes: {a: {}}\nscenario: [{expect: {on: a, run: 'sleep 50'}}]\n");
  for (int signal : {SIGINT, SIGTERM, SIGKILL}) {
    base::Program program;
    program.arguments = {LABCTL, "test", topology};
    program.environment = {{"LABCTL_RUNTIME_DIR", ::getenv("LABCTL_RUNTIME_DIR")}, {"PATH", ::getenv("PATH")}};
    pid_t labctl = base::start_program(program);
    EXPECT_TRUE(wait_for(sleeps));
    ::kill(labctl, signal);
    int status = 0;
    ::waitpid(labctl, &status, 0);
    EXPECT_EQ(base::exit_code_of(status), 128 + signal);
    EXPECT_TRUE(wait_for([] { return lab::living_labs().empty(); })) << "signal " << signal;
  }
}

}  // namespace
