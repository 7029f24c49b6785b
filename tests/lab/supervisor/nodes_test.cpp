// What a lab's nodes promise: machines of their own, joined by its networks, that can be used, killed and built anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "lib/base/error.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::RunningLab;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* two_nodes = R"(
version: 1
name: two
networks:
  lan: { subnet: 10.0.0.0/24 }
nodes:
  alice: { links: { lan: 10.0.0.1 } }
  bob:
    links: { lan: 10.0.0.2 }
    sysctls: { net.ipv4.ip_forward: 1 }
    workloads: { sleeper: { run: "exec sleep 1000" }, web: { serve: http, port: 8080 } }
)";

bool eventually(const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

class NodesTest : public EachKernel {};

TEST_P(NodesTest, ReachEachOtherByAddressAndByName) {
  RunningLab lab(two_nodes, kernel());
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 10.0.0.2"), HasSubstr("1 received"));
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 bob"), HasSubstr("1 received"));
  EXPECT_THAT(lab.run("alice", "curl -s --max-time 5 http://bob:8080/"), HasSubstr("\"server\":\"bob\""));
}

TEST_P(NodesTest, AreMachinesOfTheirOwn) {
  RunningLab lab(two_nodes, kernel());
  EXPECT_EQ(lab.run("alice", "hostname"), "alice\n");
  EXPECT_EQ(lab.run("bob", "cat /proc/sys/net/ipv4/ip_forward"), "1\n");
  EXPECT_EQ(lab.run("alice", "cat /proc/sys/net/ipv4/ip_forward"), "0\n");
  lab.run("alice", "echo alice > /run/who; echo alice > /tmp/who");
  EXPECT_THAT(lab.run("bob", "cat /run/who /tmp/who"), HasSubstr("No such file"));
  EXPECT_THAT(lab.run("alice", "ps -e"), Not(HasSubstr("sleep")));
  EXPECT_THAT(lab.run("bob", "ps -e"), HasSubstr("sleep"));
}

TEST_P(NodesTest, AreServedByTheirKernelWithWhatNoTopologyAskedFor) {
  RunningLab lab(two_nodes, kernel());
  EXPECT_EQ(lab.run("alice", "iptables -t nat -A POSTROUTING -j MASQUERADE && iptables -t nat -S POSTROUTING"),
            "-P POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\n");
}

TEST_P(NodesTest, SignalsStayInTheNode) {
  RunningLab lab(two_nodes, kernel());
  lab.run("alice", "kill -9 -1");
  EXPECT_THAT(lab.run("bob", "ps -e"), HasSubstr("sleep"));
  EXPECT_EQ(lab.run("alice", "echo still here"), "still here\n");
}

TEST_P(NodesTest, KillingOneEndsWhatRanInItAndNothingElse) {
  RunningLab lab(two_nodes, kernel());
  lab.run("bob", "setsid sleep 2000 > /dev/null < /dev/null &");  // a daemon: nobody's child
  lab.run("alice", "setsid sleep 3000 > /dev/null < /dev/null &");
  lab.control().kill_node("bob");
  EXPECT_THROW(lab.run("bob", "true"), base::Error);
  EXPECT_THAT(lab.run("alice", "ps -e"), HasSubstr("sleep"));
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 1 10.0.0.2"), HasSubstr("0 received")) << "it is switched off";
  EXPECT_TRUE(eventually([&] { return lab.events().find("bob exited: sleeper (exit code 137)") != std::string::npos; }))
      << lab.events();
  EXPECT_THAT(lab.events(), Not(ContainsRegex("bob started: sleeper.*\n.*bob started: sleeper"))) << "it stays dead";
}

TEST_P(NodesTest, RestartingOneLosesItsTablesAndBringsItsProcessesBack) {
  RunningLab lab(two_nodes, kernel());
  lab.run("bob", "ip route add 10.99.0.0/16 via 10.0.0.1");
  ASSERT_THAT(lab.run("bob", "ip route"), HasSubstr("10.99.0.0/16"));
  lab.control().restart_node("bob");
  EXPECT_THAT(lab.run("bob", "ip route"), Not(HasSubstr("10.99.0.0/16")));
  EXPECT_EQ(lab.run("bob", "cat /proc/sys/net/ipv4/ip_forward"), "1\n");
  EXPECT_THAT(lab.run("bob", "ps -e"), HasSubstr("sleep"));
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 10.0.0.2"), HasSubstr("1 received"));
}

TEST_P(NodesTest, OneWhoseFirstProcessIsKilledFromOutsideIsDead) {
  RunningLab lab(two_nodes, kernel());
  lab.run("bob", "true");
  // A node's first process cannot be killed from inside its own namespace; nobody else sees it but the lab's first
  // process.
  for (const boost::json::value& process : lab.control().processes()) {
    if (process.at("name").as_string() == "sleeper@bob") lab.control().signal_process("sleeper@bob", SIGKILL);
  }
  EXPECT_TRUE(
      eventually([&] { return lab.events().find("bob exited: sleeper (exit code 137)") != std::string::npos; }));
  EXPECT_THAT(lab.run("bob", "ps -e"), Not(HasSubstr("sleep")));
  lab.control().restart_process("sleeper@bob");
  EXPECT_THAT(lab.run("bob", "ps -e"), HasSubstr("sleep"));
}

TEST_P(NodesTest, ALabOutlivesAProcessThatNoLongerBecomesReady) {
  RunningLab lab(R"(
version: 1
name: once
nodes:
  alone:
    workloads:
      web: { run: "test ! -e /run/once && touch /run/once && touch /run/ready && exec sleep 1000", ready: { file: /run/ready, within: 500ms } }
)",
                 kernel());
  lab.run("alone", "rm /run/ready");
  lab.control().restart_process("web@alone");
  EXPECT_TRUE(eventually([&] { return lab.events().find("alone failed: web@alone") != std::string::npos; }))
      << lab.events();
  EXPECT_EQ(lab.run("alone", "echo still here"), "still here\n");
}

TEST_P(NodesTest, ManyLabsOfOneTopologyRunSideBySide) {
  RunningLab first(two_nodes, kernel(), "first");
  RunningLab second(two_nodes, kernel(), "second");
  first.run("alice", "ip link set lan down");
  EXPECT_THAT(second.run("alice", "ping -c 1 -W 5 10.0.0.2"), HasSubstr("1 received"));
  EXPECT_THAT(first.run("alice", "ping -c 1 -W 1 10.0.0.2"), HasSubstr("unreachable"));
}

TEST_P(NodesTest, AnInterfaceWithALongNameIsFoundByIt) {
  RunningLab lab(R"(
version: 1
name: long
networks:
  a-network-with-a-long-name: { subnet: 10.0.0.0/24 }
nodes:
  alice: { links: { a-network-with-a-long-name: 10.0.0.1 } }
)",
                 kernel());
  EXPECT_THAT(lab.run("alice", "ip addr show dev a-network-with-a-long-name"), HasSubstr("10.0.0.1/24"));
}

INSTANTIATE_TEST_SUITE_P(On, NodesTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

}  // namespace
