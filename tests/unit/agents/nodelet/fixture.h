// A nodelet of worker1 between the API server and a fake node API. It has an event loop of its own, as a process has: a
// nodelet that ends, or is killed, takes everything that it had under way with it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "agents/nodelet/nodelet.h"
#include "lib/netlink/route.h"
#include "tests/unit/agents/nodelet/fake_node_api.h"
#include "tests/unit/agents/real_api_server.h"
#include "tests/unit/private_network.h"

namespace nodelet {

using namespace std::chrono_literals;

class NodeletTest : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    char pattern[] = "/tmp/labctl-test-nodelet-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    api_ = std::make_unique<RealApiServer>(world_);
    node_ = std::make_unique<FakeNodeApi>(world_, folder_ + "/node.sock");
    options_.api = api_->url();
    options_.node_api_socket = node_->path();
    options_.node = {"worker1", "192.168.113.11", false};
  }
  void TearDown() override {
    stop_nodelet();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  struct Process {
    Process(const Options& options, std::ostream& log) : nodelet(loop, options, log) { nodelet.start(); }
    boost::asio::io_context loop{1};
    Nodelet nodelet;
  };
  void start_nodelet() { process_ = std::make_unique<Process>(options_, log_); }
  void stop_nodelet() { process_.reset(); }
  // With its node registered and, as the controller would, its podCIDR assigned.
  void start_ready_nodelet() {
    start_nodelet();
    ASSERT_TRUE(eventually([&] { return api_->find("nodes", "worker1") != nullptr; })) << log_.str();
    assign_pod_cidr();
    ASSERT_TRUE(eventually([&] { return node().ready(); })) << log_.str();
  }
  void restart_nodelet() {
    stop_nodelet();
    start_nodelet();
  }
  void assign_pod_cidr(const std::string& pod_cidr = "10.244.1.0/24") {
    api_->patch("nodes", "worker1", R"({"spec": {"podCIDR": ")" + pod_cidr + "\"}}");
  }

  template <class Condition>
  bool eventually(Condition&& condition, std::chrono::milliseconds limit = 10s) {
    auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (turn() == 0) std::this_thread::sleep_for(200us);
    }
    return true;
  }
  // For what must not happen.
  template <class Condition>
  bool never(Condition&& condition, std::chrono::milliseconds duration = 400ms) {
    return !eventually(condition, duration);
  }

  // ---- short ways to say what tests say all the time

  kube::Node node() { return kube::Node::parse(api_->at("nodes", "worker1")); }
  kube::Object pod_object(const std::string& name = "web") { return api_->at("pods", "default/" + name); }
  kube::Pod pod(const std::string& name = "web") { return kube::Pod::parse(pod_object(name)); }
  std::string phase(const std::string& name = "web") { return pod(name).phase; }
  bool ready(const std::string& name = "web") { return pod(name).ready(); }
  std::string uid(const std::string& name = "web") { return pod(name).metadata.uid; }
  // Of the first container whose name it is: "state.waiting.reason", "restartCount".
  kube::Object container_status(const std::string& container = "web", const std::string& pod = "web") {
    kube::Object object = pod_object(pod);
    for (const char* list : {"status.containerStatuses", "status.initContainerStatuses"}) {
      for (const auto& element : kube::array_at(object, list)) {
        if (kube::text_at(element.as_object(), "name") == container) return element.as_object();
      }
    }
    return {};
  }
  int64_t restarts(const std::string& container = "web") {
    return kube::number_at(container_status(container), "restartCount");
  }

  // SPEC is what follows the pod's nodeName; CONTAINER what follows its container's name and image.
  void create_pod(const std::string& name, const std::string& spec) {
    api_->create("pods", R"({"metadata": {"name": ")" + name + R"("}, "spec": {"nodeName": "worker1", )" + spec + "}}");
  }
  void create_web(const std::string& container = {}, const std::string& spec = {}) {
    create_pod("web", (spec.empty() ? "" : spec + ", ") + R"("containers": [{"name": "web", "image": "echo")" +
                          (container.empty() ? "" : ", " + container) + "}]");
  }

  // "Warning Unhealthy": how often it is told about POD, and the words of the last one.
  struct EventSummary {
    int64_t count = 0;
    std::string message;
  };
  EventSummary event(const std::string& reason, const std::string& pod = "web") {
    EventSummary summary;
    for (const kube::Object& object : api_->list("events")) {
      if (kube::text_at(object, "reason") != reason) continue;
      if (kube::text_at(object, "involvedObject.name") != pod) continue;
      summary.count += kube::number_at(object, "count");
      summary.message = kube::text_at(object, "message");
    }
    return summary;
  }
  boost::json::object request(const std::string& pod = "default/web") { return node_->pods.at(pod).request; }

  std::string folder_;
  boost::asio::io_context world_{1};
  std::ostringstream log_;
  Options options_;
  std::unique_ptr<RealApiServer> api_;
  std::unique_ptr<FakeNodeApi> node_;
  std::unique_ptr<Process> process_;

 private:
  size_t turn() {
    auto poll = [](boost::asio::io_context& loop) {
      if (loop.stopped()) loop.restart();
      return loop.poll();
    };
    size_t done = poll(world_);
    return done + (process_ ? poll(process_->loop) : 0);
  }
};

}  // namespace nodelet
