// Probes of containers: over HTTP and TCP to the pod's address, and commands through the node API.
#include "agents/nodelet/probe_attempt.h"
#include "tests/unit/agents/nodelet/fixture.h"

namespace nodelet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProbesTest : public NodeletTest {
 protected:
  void SetUp() override {
    NodeletTest::SetUp();
    if (IsSkipped()) return;
    // The pod's address is in this test's own namespace, and so is what serves there.
    netlink::Socket socket;
    netlink::add_address(socket, "lo", *netlink::Prefix::parse("10.244.1.2/32"));
    start_ready_nodelet();
  }
  void serve() {
    server_ = std::make_unique<base::http::Server>(world_, [this](std::shared_ptr<base::http::Exchange> exchange) {
      requests_.push_back(exchange->request().target + " " + exchange->request().header("X-Probe"));
      base::http::Response response;
      response.status = status_;
      if (status_ != 0) exchange->respond(response);
      if (status_ == 0) unanswered_.push_back(exchange);
    });
    server_->listen(base::http::Endpoint::tcp("10.244.1.2", 8080));
  }
  static std::string http_probe(const std::string& kind, const std::string& more = {}) {
    return "\"" + kind + R"(": {"periodSeconds": 1, "httpGet": {"path": "/healthz", "port": "http",
      "httpHeaders": [{"name": "X-Probe", "value": "yes"}]})" +
           more + R"(}, "ports": [{"name": "http", "containerPort": 8080}])";
  }
  static std::string exec_probe(const std::string& kind, const std::string& more = {}) {
    return "\"" + kind + R"(": {"periodSeconds": 1, "failureThreshold": 1, "exec": {"command": ["check", "it"]})" +
           more + "}";
  }

  int status_ = 200;  // 0: no answer
  std::vector<std::string> requests_;
  std::vector<std::shared_ptr<base::http::Exchange>> unanswered_;
  std::unique_ptr<base::http::Server> server_;
};

TEST_F(ProbesTest, APodIsReadyWhenItsProbeSaysSo) {
  create_web(http_probe("readinessProbe", R"(, "failureThreshold": 2)"));
  ASSERT_TRUE(eventually([&] { return phase() == "Running"; }));
  EXPECT_TRUE(never([&] { return ready(); }));
  serve();
  EXPECT_TRUE(eventually([&] { return ready(); }, 700ms)) << "what listens waits for a whole period";
  EXPECT_EQ(requests_.front(), "/healthz yes");
  status_ = 503;
  EXPECT_TRUE(eventually([&] { return !ready(); }));
  EXPECT_TRUE(eventually(
      [&] { return event("Unhealthy").message == "Readiness probe failed: HTTP probe failed with statuscode: 503"; }));
  EXPECT_EQ(restarts(), 0) << "readiness ends nobody";
  status_ = 302;
  EXPECT_TRUE(eventually([&] { return ready(); }));
}

TEST_F(ProbesTest, AnAnswerThatDoesNotComeIsAFailure) {
  status_ = 0;
  serve();
  create_web(http_probe("readinessProbe"));
  EXPECT_TRUE(eventually([&] { return event("Unhealthy").message == "Readiness probe failed: no answer within 1 s"; }));
  EXPECT_FALSE(ready());
}

TEST_F(ProbesTest, TcpWantsAnOpenPort) {
  create_web(R"("readinessProbe": {"periodSeconds": 1, "tcpSocket": {"port": 8080}})");
  EXPECT_TRUE(eventually([&] { return event("Unhealthy").count > 0; }));
  EXPECT_THAT(event("Unhealthy").message,
              AllOf(StartsWith("Readiness probe failed: connect to 10.244.1.2:8080"), HasSubstr("refused")));
  serve();
  EXPECT_TRUE(eventually([&] { return ready(); }));
}

TEST_F(ProbesTest, ACommandsExitCodeCounts) {
  int exit_code = 1;
  node_->execute = [&](const std::string&) {
    return boost::json::object{{"exit", exit_code}, {"output", "no database"}};
  };
  create_web(exec_probe("readinessProbe"));
  EXPECT_TRUE(
      eventually([&] { return event("Unhealthy").message == "Readiness probe failed: exit code 1: no database"; }));
  EXPECT_FALSE(ready());
  exit_code = 0;
  EXPECT_TRUE(eventually([&] { return ready(); }));
}

TEST_F(ProbesTest, AFailedLivenessProbeRestartsTheContainer) {
  bool alive = true;
  node_->execute = [&](const std::string&) { return boost::json::object{{"exit", alive ? 0 : 1}}; };
  create_web(exec_probe("livenessProbe"));
  ASSERT_TRUE(eventually([&] { return ready(); }));
  EXPECT_TRUE(never([&] { return restarts() > 0; }, 1500ms));
  alive = false;
  EXPECT_TRUE(eventually([&] { return node_->count("signal default/web web 15") == 1; }));
  alive = true;
  EXPECT_TRUE(eventually([&] { return restarts() == 1 && ready(); }));
  EXPECT_EQ(event("Killing").message, "Container web failed liveness probe, will be restarted");
}

TEST_F(ProbesTest, NothingElseIsProbedBeforeTheStartupProbeSucceeds) {
  bool started = false;
  node_->execute = [&](const std::string& command) {
    return boost::json::object{{"exit", command == "check it" && !started ? 1 : 0}};
  };
  create_web(exec_probe("startupProbe", R"(, "failureThreshold": 30)") +
             R"(, "readinessProbe": {"exec": {"command": ["serves"]}})");
  ASSERT_TRUE(eventually([&] { return phase() == "Running"; }));
  EXPECT_TRUE(never([&] { return node_->count("exec default/web serves") > 0; }));
  EXPECT_FALSE(kube::flag_at(container_status(), "started"));
  started = true;
  EXPECT_TRUE(eventually([&] { return ready(); }, 1500ms));
  EXPECT_TRUE(kube::flag_at(container_status(), "started"));
}

TEST_F(ProbesTest, AContainerThatDoesNotStartUpIsRestarted) {
  node_->execute = [](const std::string&) { return boost::json::object{{"exit", 1}}; };
  create_web(exec_probe("startupProbe"));
  EXPECT_TRUE(eventually([&] { return restarts() >= 1; }));
  EXPECT_EQ(event("Killing").message, "Container web failed startup probe, will be restarted");
}

TEST_F(ProbesTest, WhatCannotBeProbedSaysWhy) {
  create_web(R"("readinessProbe": {"periodSeconds": 1, "httpGet": {"port": "nobody"}})");
  EXPECT_TRUE(eventually(
      [&] { return event("Unhealthy").message == "Readiness probe failed: container web has no port named nobody"; }));
  EXPECT_FALSE(ready());
}

TEST_F(ProbesTest, AProbeByGrpcSaysWhatToUseInstead) {
  create_web(R"("readinessProbe": {"periodSeconds": 1, "grpc": {"port": 9}})");
  EXPECT_TRUE(eventually([&] {
    return event("Unhealthy").message ==
           "Readiness probe failed: it is not served here: use httpGet, tcpSocket or exec";
  }));
  EXPECT_FALSE(ready());
}

TEST_F(ProbesTest, ReadinessIsStillProbedWhileAPodEnds) {
  node_->ignore_term = {"web"};
  serve();
  create_web(http_probe("readinessProbe", R"(, "failureThreshold": 1)"));
  ASSERT_TRUE(eventually([&] { return ready(); }));
  api_->remove("pods", "default/web");
  ASSERT_TRUE(eventually([&] { return node_->count("signal default/web web 15") == 1; }));
  EXPECT_TRUE(ready());
  status_ = 503;
  EXPECT_TRUE(eventually([&] { return !ready(); }));
}

}  // namespace
}  // namespace nodelet
