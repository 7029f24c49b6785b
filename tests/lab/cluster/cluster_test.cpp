// What a cluster's agents promise: they find their way back from a restart, from damage under them, and without the API
// server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "labctl/lab/kubectl.h"
#include "lib/base/file_descriptor.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::RunningLab;
using testing::AllOf;
using testing::HasSubstr;

bool eventually(const std::function<bool()>& condition, std::chrono::seconds within = std::chrono::seconds(30)) {
  auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return true;
}

// One lab for all of them: each leaves it working, or fails.
class ClusterTest : public running_lab::OnWhateverKernel {
 protected:
  static void SetUpTestSuite() {
    running_lab::OnWhateverKernel::SetUpTestSuite();
    try {
      lab_ = std::make_unique<RunningLab>(base::read_file(SOURCE_DIR "/topologies/nodeport.yaml"));
    } catch (const std::exception& error) {
      why_ = error.what();
    }
  }
  static void TearDownTestSuite() { lab_.reset(); }
  void SetUp() override { ASSERT_TRUE(lab_) << why_; }

  std::string run(const std::string& node, const std::string& command) { return lab_->run(node, command); }
  bool answers(const std::string& node_address) {
    return run("client", "curl -s --max-time 2 http://" + node_address + ":30080/").find("\"server\":\"web-") !=
           std::string::npos;
  }
  // Through both nodes, from pods on both: three requests each go through all of them.
  void expect_service_works() {
    for (const char* address : {"192.168.113.11", "192.168.113.12"}) {
      EXPECT_TRUE(eventually([&] { return answers(address) && answers(address) && answers(address); })) << address;
    }
  }
  // Names and first processes: other ones would be other containers.
  std::string containers() {
    std::string text;
    const boost::json::object answer = lab_->control().get("/v1/pods");
    for (const boost::json::value& pod : answer.at("pods").as_array()) {
      for (const boost::json::value& container : pod.at("containers").as_array()) {
        text += std::string(pod.at("name").as_string()) + " " + std::to_string(container.at("pid").as_int64()) + "\n";
      }
    }
    return text;
  }

  static std::unique_ptr<RunningLab> lab_;
  static std::string why_;
};
std::unique_ptr<RunningLab> ClusterTest::lab_;
std::string ClusterTest::why_;

TEST_F(ClusterTest, AgentsThatAreRestartedOneByOneDisturbNobody) {
  std::string before = containers();
  for (const char* agent : {"proxy@worker1", "overlay@worker1", "nodelet@worker1", "controller@cp", "proxy@worker2"}) {
    lab_->control().restart_process(agent);
    EXPECT_TRUE(answers("192.168.113.11")) << "while " << agent << " starts";
    EXPECT_TRUE(answers("192.168.113.12")) << "while " << agent << " starts";
  }
  expect_service_works();
  EXPECT_EQ(containers(), before) << "pods live on";
}

TEST_F(ClusterTest, TheServiceLivesWithoutTheApiServerAndAfterIt) {
  std::string before = containers();
  lab_->control().signal_process("apiserver@cp", SIGSTOP);
  expect_service_works();
  lab_->control().signal_process("apiserver@cp", SIGCONT);
  lab_->control().restart_process("apiserver@cp");
  expect_service_works();
  EXPECT_TRUE(eventually([&] {
    return run("cp", "curl -s --max-time 2 http://192.168.113.10:8080/api/v1/pods").find("\"web-") != std::string::npos;
  })) << "it has kept its objects";
  EXPECT_EQ(containers(), before) << "pods live on";
}

TEST_F(ClusterTest, TheProxyPutsBackWhatWasTakenFromIt) {
  const char* table = "ipvsadm -Ln | grep -A2 '192.168.113.11:30080' | grep -c Masq";
  ASSERT_EQ(run("worker1", table), "2\n");
  run("worker1", "ipvsadm -D -t 192.168.113.11:30080");
  EXPECT_TRUE(eventually([&] { return run("worker1", table) == "2\n"; })) << "a virtual server";
  run("worker1", "ipset flush KUBE-NODE-PORT-TCP");
  EXPECT_TRUE(eventually([&] {
    return run("worker1", "ipset list KUBE-NODE-PORT-TCP").find("\n30080") != std::string::npos;
  })) << "a member of a set";
  run("worker1", "iptables-legacy -t nat -F KUBE-SERVICES || iptables-nft -t nat -F KUBE-SERVICES");
  EXPECT_TRUE(eventually([&] {
    return run("worker1", "iptables-legacy-save -t nat; iptables-nft-save -t nat").find("-A KUBE-SERVICES") !=
           std::string::npos;
  })) << "rules";
  run("worker1", "ip link delete kube-ipvs0");
  EXPECT_TRUE(eventually([&] {
    return run("worker1", "ip addr show dev kube-ipvs0").find("10.108.") != std::string::npos;
  })) << "its device";
  expect_service_works();
}

TEST_F(ClusterTest, TheOverlayPutsBackWhatWasTakenFromIt) {
  run("worker1", "ip link delete flannel.1");
  EXPECT_TRUE(eventually([&] {
    return run("worker1", "ip route").find("dev flannel.1 proto static") != std::string::npos;
  })) << run("worker1", "ip route");
  run("worker2",
      "ip route flush dev flannel.1; bridge fdb show dev flannel.1 | cut -d' ' -f1 | while read mac; do "
      "bridge fdb del $mac dev flannel.1; done");
  EXPECT_TRUE(eventually([&] {
    return run("worker2", "ip route").find("dev flannel.1 proto static") != std::string::npos;
  })) << run("worker2", "ip route");
  expect_service_works();
}

TEST_F(ClusterTest, AnswersTheHostsKubectl) {
  lab::CommandResult result = lab::capture_kubectl(lab_->control(), {"get", "nodes", "-o", "name"});
  EXPECT_EQ(result.output, "node/cp\nnode/worker1\nnode/worker2\n") << result.error_output;
}

TEST_F(ClusterTest, AControlPlaneThatIsRestartedHasKeptItsObjects) {
  const std::string api = "http://192.168.113.10:8080";
  std::string service = "'" + api + "/api/v1/namespaces/default/services/my-service'";
  run("cp",
      "curl -s -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{\"metadata\":{\"labels\":{\"by\":"
      "\"hand\"}}}' " +
          service);
  std::string before = containers();
  lab_->control().restart_node("cp");
  EXPECT_TRUE(eventually([&] {
    return run("cp", "curl -s --max-time 2 " + service).find("\"by\"") != std::string::npos;
  })) << "not as the topology has it, but as it was";
  expect_service_works();
  EXPECT_EQ(containers(), before) << "pods live on";
}

TEST_F(ClusterTest, APodIsReplacedByAnotherOfItsNameAtOnce) {
  auto put = [&](const std::string& uid) {
    return run("worker1",
               "curl -s -X PUT --unix-socket /run/labctl/node.sock http://node/v1/pods/default/twice -d '{\"uid\":\"" +
                   uid +
                   "\",\"address\":\"10.244.1.77/24\",\"gateway\":\"10.244.1.1\",\"bridgeAddress\":"
                   "\"10.244.1.1/24\"}'");
  };
  EXPECT_THAT(put("a"), HasSubstr("\"uid\":\"a\""));
  run("worker1",
      "curl -s --unix-socket /run/labctl/node.sock http://node/v1/pods/default/twice/containers -d "
      "'{\"argv\":[\"sleep\",\"1000\"]}'");
  EXPECT_THAT(run("worker1", "ping -c 1 -W 5 10.244.1.77"), HasSubstr("1 received"));
  EXPECT_THAT(put("b"), HasSubstr("\"uid\":\"b\""));
  EXPECT_THAT(run("worker1", "ping -c 1 -W 5 10.244.1.77"), HasSubstr("1 received")) << "the same address, at once";
  EXPECT_THAT(run("default/twice", "ip link show eth0"), HasSubstr("0a:58:0a:f4:01:4d"))
      << "the address is its MAC, so that no neighbour remembers a wrong one";
  run("worker1", "curl -s -X DELETE --unix-socket /run/labctl/node.sock http://node/v1/pods/default/twice");
}

TEST_F(ClusterTest, APodOfTheHostsNetworkCanBeUsedLikeAnother) {
  run("worker1",
      "curl -s -X PUT --unix-socket /run/labctl/node.sock http://node/v1/pods/default/at-home -d "
      "'{\"uid\":\"h\",\"hostNetwork\":true}'");
  run("worker1",
      "curl -s --unix-socket /run/labctl/node.sock http://node/v1/pods/default/at-home/containers -d "
      "'{\"argv\":[\"sleep\",\"1234\"]}'");
  EXPECT_THAT(run("default/at-home", "ip addr; ps ax"), AllOf(HasSubstr("192.168.113.11"), HasSubstr("sleep 1234")));
  bool listed = false;
  for (const boost::json::value& node : lab_->control().nodes()) listed |= node.at("name") == "default/at-home";
  EXPECT_TRUE(listed);
  lab_->control().kill_node("default/at-home");
  EXPECT_TRUE(eventually([&] { return run("worker1", "ps ax").find("sleep 1234") == std::string::npos; }));
  EXPECT_THAT(run("worker1", "echo its node lives"), HasSubstr("lives"));
  run("worker1", "curl -s -X DELETE --unix-socket /run/labctl/node.sock http://node/v1/pods/default/at-home");
}

TEST_F(ClusterTest, AContainerThatIsKilledIsStartedAgain) {
  std::string pod =
      run("cp", "curl -s http://192.168.113.10:8080/api/v1/pods | grep -o 'web-[0-9a-z]*-[0-9a-z]*' | head -1");
  pod.erase(pod.find_last_not_of('\n') + 1);
  ASSERT_THAT(pod, HasSubstr("web-"));
  std::string before = containers();
  lab_->control().kill_node("default/" + pod);
  EXPECT_TRUE(eventually([&] { return containers() != before; }));
  EXPECT_TRUE(eventually([&] {
    return run("worker1", "ipvsadm -Ln | grep -A2 '192.168.113.11:30080' | grep -c 'Masq    1'") == "2\n";
  })) << run("worker1", "ipvsadm -Ln");
  expect_service_works();
}

}  // namespace
