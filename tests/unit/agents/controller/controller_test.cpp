// The controller with the real API server, over HTTP, on one event loop; the test plays the kubelets.

#include "agents/controller/controller.h"

#include <boost/asio/io_context.hpp>
#include <sstream>

#include "agents/apiserver/api.h"
#include "agents/apiserver/registry.h"
#include "agents/apiserver/store.h"
#include "lib/base/http.h"
#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace std::chrono_literals;

// The API server; a new one is one that was restarted and has lost everything.
class ApiServer {
 public:
  ApiServer(boost::asio::io_context& loop, uint16_t port)
      : loop_(loop),
        registry_(store_, {apiserver::AddressRange("10.96.0.0/16"), apiserver::PortRange{30000, 32767}}),
        api_(loop, registry_, store_, nullptr) {
    registry_.create_defaults("127.0.0.1", 8080);
    connect(port);
  }
  void connect(uint16_t port) {
    http_ = std::make_unique<base::http::Server>(
        loop_, [this](std::shared_ptr<base::http::Exchange> exchange) { api_.handle(exchange); });
    port_ = http_->listen(base::http::Endpoint::tcp("127.0.0.1", port));
  }
  void disconnect() { http_.reset(); }
  uint16_t port() const { return port_; }
  apiserver::Store& store() { return store_; }
  apiserver::Registry& registry() { return registry_; }

 private:
  boost::asio::io_context& loop_;
  apiserver::Store store_;
  apiserver::Registry registry_;
  apiserver::Api api_;
  std::unique_ptr<base::http::Server> http_;
  uint16_t port_ = 0;
};

class ControllerTest : public ::testing::Test {
 protected:
  ControllerTest() : server_(std::make_unique<ApiServer>(loop_, 0)), port_(server_->port()) {
    options_.ranges = parse_cluster_ranges("10.244.0.0/16", 24, 64);
  }

  void start() {
    controller_.reset();
    controller_ = std::make_unique<Controller>(loop_, "http://127.0.0.1:" + std::to_string(port_), options_, log_);
    controller_->start();
  }

  // What users and kubelets do.

  static apiserver::Target target(const std::string& collection, const std::string& name = {},
                                  const std::string& subresource = {}) {
    const apiserver::Kind& kind = apiserver::kind_of_collection(collection);
    return {&kind, kind.resource.namespaced ? "default" : "", name, subresource};
  }
  void create(const std::string& collection, const std::string& text) {
    server_->registry().create(target(collection), parse(text));
  }
  void patch(const apiserver::Target& what, const std::string& text) {
    bool created = false;
    server_->registry().patch(what, kube::PatchType::strategic_merge, boost::json::parse(text), false, created);
  }
  void remove(const std::string& collection, const std::string& name) {
    server_->registry().remove(target(collection, name), {});
  }
  void create_node(const std::string& name, bool control_plane = false) {
    create("nodes",
           R"({"metadata":{"name":")" + name + R"("},"spec":{"taints":[)" +
               (control_plane ? R"({"key":"node-role.kubernetes.io/control-plane","effect":"NoSchedule"})" : "") +
               R"(]},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  }
  void create_cluster() {
    create_node("cp", true);
    create_node("w1");
    create_node("w2");
  }
  void create_deployment(int replicas) {
    create("deployments.apps", R"({"metadata":{"name":"web"},"spec":{"replicas":)" + std::to_string(replicas) +
                                   R"(,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":
      {"app":"web"}},"spec":{"containers":[{"name":"c","image":"echo:1","ports":[{"name":"http","containerPort":8080}]}]}}}})");
  }
  void create_service() {
    create(
        "services",
        R"({"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":"http"}]}})");
  }
  void renew_lease(const std::string& node, int number) {
    const apiserver::Kind& kind = apiserver::kind_of_collection("leases.coordination.k8s.io");
    bool created = false;
    server_->registry().patch({&kind, "kube-node-lease", node, ""}, kube::PatchType::apply,
                              parse(R"({"spec":{"renewTime":")" + std::to_string(number) + R"("}})"), false, created);
  }

  // Starts what is bound and ends what is deleted.
  void play_kubelets() {
    auto pods = server_->store().list("pods");
    for (const auto& [key, object] : pods) {
      kube::Pod pod = kube::Pod::parse(*object);
      if (pod.node_name.empty()) continue;
      if (pod.terminating()) {
        apiserver::DeleteOptions now;
        now.grace_seconds = 0;
        server_->registry().remove(target("pods", pod.metadata.name), now);
      } else if (pod.pod_ip.empty()) {
        std::string ip = "10.244.1." + std::to_string(++last_ip_);
        patch(
            target("pods", pod.metadata.name, "status"),
            R"({"status":{"phase":"Running","podIP":")" + ip + R"(","podIPs":[{"ip":")" + ip +
                R"("}],"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-24T12:00:00Z"}]}})");
      }
    }
  }

  // What can be seen.

  template <class T>
  std::vector<T> all(const std::string& collection) {
    std::vector<T> result;
    for (const auto& [key, object] : server_->store().list(collection)) result.push_back(T::parse(*object));
    return result;
  }
  std::vector<kube::Pod> pods() { return all<kube::Pod>("pods"); }
  kube::Deployment deployment() {
    auto found = server_->store().get("deployments.apps", "default/web");
    return found ? kube::Deployment::parse(*found) : kube::Deployment();
  }
  std::map<std::string, int> pods_by_node() {
    std::map<std::string, int> count;
    for (const kube::Pod& pod : pods()) ++count[pod.node_name];
    return count;
  }
  int ready_endpoints() {
    int count = 0;
    for (const auto& slice : all<kube::EndpointSlice>("endpointslices.discovery.k8s.io")) {
      if (slice.service_name != "web") continue;
      for (const kube::Endpoint& endpoint : slice.endpoints) count += endpoint.ready;
    }
    return count;
  }
  std::string readiness_of(const std::string& node) {
    kube::Node found = kube::Node::parse(*server_->store().get("nodes", node));
    return found.conditions.at(0).status;
  }

  bool complete(int64_t replicas) {
    kube::Deployment now = deployment();
    return now.observed_generation == now.metadata.generation && now.available_replicas == replicas &&
           now.updated_replicas == replicas && now.status_replicas == replicas &&
           static_cast<int64_t>(pods().size()) == replicas;
  }

  template <class Condition>
  ::testing::AssertionResult eventually(Condition&& condition) {
    auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return ::testing::AssertionFailure() << "not within 10 s; the log says:\n" << log_.str();
      }
      if (loop_.stopped()) loop_.restart();
      loop_.run_one_for(20ms);
      loop_.poll();  // looking at every object after every event would take far longer than the events
      play_kubelets();
    }
    return ::testing::AssertionSuccess();
  }
  // For what must not happen.
  void run_for(std::chrono::milliseconds duration) {
    auto end = std::chrono::steady_clock::now() + duration;
    auto passed = [&] { return std::chrono::steady_clock::now() >= end; };
    ASSERT_TRUE(eventually(passed));
  }

  boost::asio::io_context loop_{1};
  std::unique_ptr<ApiServer> server_;
  uint16_t port_;
  Options options_;
  std::ostringstream log_;
  std::unique_ptr<Controller> controller_;
  int last_ip_ = 0;
};

TEST_F(ControllerTest, ADeploymentRunsOnBothWorkersBehindItsService) {
  start();
  create_cluster();
  create_deployment(2);
  create_service();
  ASSERT_TRUE(eventually([&] { return complete(2) && ready_endpoints() == 2; }));
  EXPECT_EQ(pods_by_node(), (std::map<std::string, int>{{"w1", 1}, {"w2", 1}}));

  std::vector<std::string> ranges;
  for (const kube::Node& node : all<kube::Node>("nodes")) ranges.push_back(node.metadata.name + " " + node.pod_cidr);
  EXPECT_THAT(ranges, ElementsAre("cp 10.244.0.0/24", "w1 10.244.1.0/24", "w2 10.244.2.0/24"));
  std::vector<std::string> ports;
  for (const auto& slice : all<kube::EndpointSlice>("endpointslices.discovery.k8s.io")) {
    if (slice.service_name == "web") ports.push_back(std::to_string(slice.ports.at(0).port));
  }
  EXPECT_THAT(ports, ElementsAre("8080"));
}

TEST_F(ControllerTest, ScalesRollsOutAndCleansUp) {
  start();
  create_cluster();
  create_deployment(2);
  create_service();
  ASSERT_TRUE(eventually([&] { return complete(2); }));
  patch(target("deployments.apps", "web", "scale"), R"({"spec":{"replicas":5}})");
  ASSERT_TRUE(eventually([&] { return complete(5) && ready_endpoints() == 5; }));
  patch(target("deployments.apps", "web"),
        R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"echo:2"}]}}}})");
  ASSERT_TRUE(eventually([&] { return complete(5); }));
  for (const kube::Pod& pod : pods()) EXPECT_EQ(pod.containers.at(0).image, "echo:2");
  patch(target("deployments.apps", "web", "scale"), R"({"spec":{"replicas":1}})");
  ASSERT_TRUE(eventually([&] { return complete(1) && ready_endpoints() == 1; }));
  remove("deployments.apps", "web");
  remove("services", "web");
  ASSERT_TRUE(eventually([&] { return pods().empty(); }));
  EXPECT_THAT(server_->store().list("replicasets.apps"), IsEmpty());
  EXPECT_EQ(server_->store().list("endpointslices.discovery.k8s.io").size(), 1u) << "that of the API server itself";
}

TEST_F(ControllerTest, ASettledClusterIsNotWrittenToNotEvenByANewController) {
  start();
  create_cluster();
  create_deployment(3);
  create_service();
  ASSERT_TRUE(eventually([&] { return complete(3) && ready_endpoints() == 3; }));
  uint64_t version = 0;
  ASSERT_TRUE(eventually([&] {
    loop_.restart();
    version = server_->store().version();
    loop_.run_for(50ms);
    return server_->store().version() == version;
  }));
  log_.str("");
  start();
  ASSERT_TRUE(eventually([&] { return !log_.str().empty(); }));
  run_for(200ms);
  EXPECT_EQ(server_->store().version(), version) << log_.str();
  EXPECT_EQ(log_.str(), "controller: in touch with the API server\n");
}

TEST_F(ControllerTest, MakesEachPodOnce) {
  start();
  create_cluster();
  create_deployment(50);
  size_t most = 0;
  ASSERT_TRUE(eventually([&] {
    most = std::max(most, pods().size());
    return complete(50);
  }));
  EXPECT_EQ(most, 50u);
}

TEST_F(ControllerTest, ReplacesADeletedPod) {
  start();
  create_cluster();
  create_deployment(2);
  ASSERT_TRUE(eventually([&] { return complete(2); }));
  std::string victim = pods()[0].metadata.name;
  remove("pods", victim);
  ASSERT_TRUE(eventually([&] { return complete(2) && !server_->store().get("pods", "default/" + victim); }));
}

TEST_F(ControllerTest, ARelabelledPodLeavesTheServiceAndIsReplaced) {
  start();
  create_cluster();
  create_deployment(2);
  create_service();
  ASSERT_TRUE(eventually([&] { return complete(2) && ready_endpoints() == 2; }));
  std::string out = pods()[0].metadata.name;
  patch(target("pods", out), R"({"metadata":{"labels":{"app":"debug"}}})");
  ASSERT_TRUE(eventually([&] { return pods().size() == 3 && ready_endpoints() == 2; }));
  kube::Pod released = kube::Pod::parse(*server_->store().get("pods", "default/" + out));
  EXPECT_THAT(released.metadata.owners, IsEmpty());
  patch(target("pods", out), R"({"metadata":{"labels":{"app":"web"}}})");
  ASSERT_TRUE(eventually([&] { return complete(2) && ready_endpoints() == 2; })) << "it is taken back";
}

TEST_F(ControllerTest, PodsOutliveAReplicaSetThatIsDeletedWithoutThem) {
  options_.delays.missing_owner = 1s;
  start();
  create_cluster();
  create_deployment(3);
  ASSERT_TRUE(eventually([&] { return complete(3); }));
  apiserver::DeleteOptions orphan;
  orphan.orphan = true;
  server_->registry().remove(target("deployments.apps", "web"), orphan);
  std::string set = kube::text_at(*server_->store().list("replicasets.apps").begin()->second, "metadata.name");
  server_->registry().remove(target("replicasets.apps", set), orphan);
  run_for(1200ms);
  EXPECT_EQ(pods().size(), 3u);
}

TEST_F(ControllerTest, SurvivesAReplicaSetThatMakesNoSense) {
  start();
  create_cluster();
  // The API server refuses it; another one may not.
  server_->store().put("replicasets.apps", "default/odd",
                       parse(R"({"metadata":{"name":"odd","namespace":"default","uid":"odd"},
                         "spec":{"selector":{"matchExpressions":[{"key":"a","operator":"Near"}]},
                         "template":{"metadata":{"labels":{"a":"b"}}}}})"));
  create_deployment(1);
  ASSERT_TRUE(eventually([&] { return complete(1); }));
  ASSERT_TRUE(eventually([&] { return log_.str().find("replica set default/odd: ") != std::string::npos; }));
}

TEST_F(ControllerTest, APodThatFitsNowhereSaysSoAndRunsOnceItFits) {
  start();
  create_node("w1");
  create("pods", R"({"metadata":{"name":"picky"},"spec":{"nodeSelector":{"disk":"ssd"},
                     "containers":[{"name":"c","image":"echo"}]}})");
  auto picky = [&] { return kube::Pod::parse(*server_->store().get("pods", "default/picky")); };
  ASSERT_TRUE(eventually([&] { return !server_->store().list("events").empty(); }));
  ASSERT_EQ(picky().conditions.size(), 1u);
  EXPECT_EQ(picky().conditions[0].reason, "Unschedulable");
  patch(target("nodes", "w1"), R"({"metadata":{"labels":{"disk":"ssd"}}})");
  ASSERT_TRUE(eventually([&] { return picky().node_name == "w1"; }));
}

TEST_F(ControllerTest, ASilentNodesEndpointsAreNotReadyUntilItIsHeardAgain) {
  options_.node_grace = 300ms;
  start();
  create_cluster();
  create_deployment(2);
  create_service();
  int beat = 0;
  bool w2_renews = true;
  auto beat_until = [&](auto condition) {
    return eventually([&] {
      ++beat;
      renew_lease("cp", beat);
      renew_lease("w1", beat);
      if (w2_renews) renew_lease("w2", beat);
      return condition();
    });
  };
  ASSERT_TRUE(beat_until([&] { return complete(2) && ready_endpoints() == 2; }));
  w2_renews = false;
  ASSERT_TRUE(beat_until([&] { return readiness_of("w2") == "Unknown" && ready_endpoints() == 1; }));
  EXPECT_EQ(readiness_of("w1"), "True");
  ASSERT_TRUE(beat_until([&] { return deployment().available_replicas == 1; }));
  EXPECT_EQ(pods().size(), 2u) << "it may come back";
  w2_renews = true;
  patch(target("nodes", "w2", "status"),
        R"({"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2026-11-24T12:00:00Z"}]}})");
  ASSERT_TRUE(beat_until([&] { return complete(2) && ready_endpoints() == 2; }));
}

TEST_F(ControllerTest, PodsOfADeletedNodeAreReplacedElsewhere) {
  options_.delays.missing_node = 0s;
  start();
  create_cluster();
  create_deployment(2);
  ASSERT_TRUE(eventually([&] { return complete(2); }));
  remove("nodes", "w2");
  ASSERT_TRUE(eventually([&] { return complete(2) && pods_by_node() == (std::map<std::string, int>{{"w1", 2}}); }));
}

TEST_F(ControllerTest, GoesOnAfterTheApiServerWasAway) {
  start();
  create_cluster();
  create_deployment(2);
  ASSERT_TRUE(eventually([&] { return complete(2); }));
  server_->disconnect();
  ASSERT_TRUE(eventually([&] { return log_.str().find("waiting for the API server") != std::string::npos; }));
  patch(target("deployments.apps", "web", "scale"), R"({"spec":{"replicas":3}})");
  server_->connect(port_);
  ASSERT_TRUE(eventually([&] { return complete(3); }));
}

TEST_F(ControllerTest, NoNodeIsBlamedForTheAbsenceOfTheApiServer) {
  options_.node_grace = 400ms;
  start();
  create_node("w1");
  renew_lease("w1", 1);
  ASSERT_TRUE(eventually([&] { return !all<kube::Node>("nodes")[0].pod_cidr.empty(); }));
  server_->disconnect();
  run_for(500ms);
  log_.str("");
  server_->connect(port_);
  ASSERT_TRUE(eventually([&] { return log_.str().find("in touch") != std::string::npos; }));
  run_for(100ms);
  EXPECT_EQ(readiness_of("w1"), "True") << log_.str();
}

TEST_F(ControllerTest, AnApiServerThatHasForgottenEverythingStaysEmpty) {
  start();
  create_cluster();
  create_deployment(2);
  ASSERT_TRUE(eventually([&] { return complete(2); }));
  server_.reset();
  server_ = std::make_unique<ApiServer>(loop_, port_);
  log_.str("");
  ASSERT_TRUE(eventually([&] { return log_.str().find("in touch") != std::string::npos; }));
  run_for(200ms);
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(server_->store().list("replicasets.apps"), IsEmpty());
  EXPECT_THAT(log_.str(), Not(HasSubstr("create")));
}

}  // namespace
}  // namespace controller
