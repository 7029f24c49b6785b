// When the kernel is programmed, and when not: the agent with an API server that says what the test wants, and a mode
// that notes what it is given.
#include "agents/proxy/agent.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <sstream>

#include "tests/unit/agents/proxy/objects.h"

namespace proxy {
namespace {

namespace http = base::http;
using kube::Object;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Lists by plural, and watches that stay open.
class FakeApi {
 public:
  explicit FakeApi(boost::asio::io_context& loop) : loop_(loop) { start(0); }

  void start(std::uint16_t wanted) {
    server_ = std::make_unique<http::Server>(loop_, [this](std::shared_ptr<http::Exchange> e) { handle(e); });
    port = server_->listen(http::Endpoint::tcp("127.0.0.1", wanted));
  }
  void stop() {
    watches_.clear();
    server_.reset();
  }
  void add(const std::string& plural, const std::string& manifest) {
    for (Object object : kube::read_manifests(manifest, "test.yaml")) {
      object["metadata"].as_object()["resourceVersion"] = std::to_string(++version_);
      lists[plural].push_back(object);
      if (watches_.count(plural) != 0) send(plural, object);
    }
  }

  std::uint16_t port = 0;
  std::map<std::string, std::vector<Object>> lists;
  std::map<std::string, http::Query> queries;  // of lists
  std::set<std::string> held;                  // lists that are not answered

 private:
  void send(const std::string& plural, const Object& object) {
    watches_[plural]->write(boost::json::serialize(Object{{"type", "ADDED"}, {"object", object}}) + "\n");
  }

  void handle(const std::shared_ptr<http::Exchange>& exchange) {
    std::string plural = exchange->request().segments().back();
    if (exchange->request().parameter("watch") == "true") {
      watches_[plural] = exchange->stream({});
      int from = std::stoi(exchange->request().parameter("resourceVersion"));
      for (const Object& object : lists[plural]) {
        if (std::stoi(kube::text_at(object, "metadata.resourceVersion")) > from) send(plural, object);
      }
      return;
    }
    queries[plural] = exchange->request().query;
    if (held.count(plural) != 0) return held_.push_back(exchange);
    boost::json::array items;
    for (const Object& object : lists[plural]) items.push_back(object);
    Object list{{"metadata", Object{{"resourceVersion", std::to_string(version_)}}}, {"items", std::move(items)}};
    exchange->respond({200, boost::json::serialize(list), "application/json", {}});
  }

  boost::asio::io_context& loop_;
  std::unique_ptr<http::Server> server_;
  std::map<std::string, std::shared_ptr<http::ResponseStream>> watches_;
  std::vector<std::shared_ptr<http::Exchange>> held_;
  int version_ = 1;
};

struct Synced {
  std::vector<std::string> ports;
  std::vector<netlink::IpAddress> node_ips;
  std::string zone;
  bool verify = false;
};

class FakeMode : public Mode {
 public:
  explicit FakeMode(std::vector<Synced>& syncs) : syncs_(syncs) {}
  bool sync(const ClusterView& cluster, bool verify) override {
    Synced synced{{}, cluster.node_ips, cluster.zone, verify};
    for (const ServicePort& port : cluster.ports.at(Family::ipv4)) synced.ports.push_back(port.name);
    syncs_.push_back(synced);
    return true;
  }

 private:
  std::vector<Synced>& syncs_;
};

const char* const node_n1 =
    "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {topology.kubernetes.io/zone: a}}\n"
    "status: {addresses: [{type: InternalIP, address: 192.168.113.11}]}\n";

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    options.master = "http://127.0.0.1:" + std::to_string(api.port);
    options.node_name = "n1";
    options.sync_period = std::chrono::hours(1);
    options.min_sync_period = std::chrono::milliseconds(20);
  }

  void start() { agent = std::make_unique<Agent>(loop, options, std::make_unique<FakeMode>(syncs), log); }

  // Runs the loop until CONDITION holds; false where it does not within ten seconds.
  bool until(const std::function<bool()>& condition) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    loop.restart();
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      loop.run_one_for(std::chrono::milliseconds(100));
    return condition();
  }
  bool logged(const std::string& text) { return log.str().find(text) != std::string::npos; }
  bool programmed(const std::string& port) {
    return !syncs.empty() && std::count(syncs.back().ports.begin(), syncs.back().ports.end(), port) == 1;
  }
  static std::string plain(const std::string& name, int last) {
    return service(name, "{clusterIP: 10.96.0." + std::to_string(last) + ", ports: [{port: 80}]}");
  }

  boost::asio::io_context loop{1};
  FakeApi api{loop};
  Options options;
  std::ostringstream log;
  std::vector<Synced> syncs;
  std::unique_ptr<Agent> agent;
};

TEST_F(AgentTest, ProgramsWhenItHasSeenEverything) {
  api.add("nodes", node_n1);
  api.add("services", plain("a", 1) + plain("b", 2));
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  EXPECT_THAT(syncs[0].ports, ElementsAre("default/a", "default/b"));
  EXPECT_THAT(syncs[0].node_ips, ElementsAre(ip("192.168.113.11")));
  EXPECT_EQ(syncs[0].zone, "a");
  EXPECT_TRUE(logged("are programmed"));
}

TEST_F(AgentTest, AsksForItsOwnNodeAndForServicesThatNobodyElseServes) {
  api.add("nodes", node_n1);
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  const std::string labels = "!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless";
  EXPECT_EQ(api.queries["services"].find("labelSelector")->second, labels);
  EXPECT_EQ(api.queries["endpointslices"].find("labelSelector")->second, labels);
  EXPECT_EQ(api.queries["nodes"].find("fieldSelector")->second, "metadata.name=n1");
}

// With Services but no endpoints, all destinations would be taken away.
TEST_F(AgentTest, ProgramsNothingFromHalfOfTheObjects) {
  api.add("nodes", node_n1);
  api.held = {"endpointslices"};
  start();
  ASSERT_TRUE(until([&] { return logged("waiting for endpointslices"); }));
  EXPECT_THAT(syncs, IsEmpty());
}

TEST_F(AgentTest, WaitsForItsNodeAndSaysSo) {
  start();
  ASSERT_TRUE(until([&] { return logged("waiting for node n1 at " + options.master); }));
  EXPECT_THAT(syncs, IsEmpty());
  api.add("nodes", node_n1);
  EXPECT_TRUE(until([&] { return !syncs.empty(); }));
}

TEST_F(AgentTest, DoesNotWaitForANodeWhoseAddressItIsTold) {
  options.node_ips = {ip("192.168.113.99")};
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  EXPECT_THAT(syncs[0].node_ips, ElementsAre(ip("192.168.113.99")));
}

TEST_F(AgentTest, WaitsForTheApiServerAndSaysSo) {
  std::uint16_t port = api.port;
  api.stop();
  start();
  ASSERT_TRUE(until([&] { return logged("no API server"); }));
  EXPECT_TRUE(logged("waiting for it"));
  api.add("nodes", node_n1);
  api.start(port);
  EXPECT_TRUE(until([&] { return !syncs.empty(); }));
  EXPECT_TRUE(logged("connected to"));
}

TEST_F(AgentTest, FollowsWhatChanges) {
  api.add("nodes", node_n1);
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  api.add("services", plain("a", 1));
  EXPECT_TRUE(until([&] { return programmed("default/a"); }));
  EXPECT_FALSE(syncs.back().verify);
}

TEST_F(AgentTest, WhatChangesTogetherIsProgrammedTogether) {
  api.add("nodes", node_n1);
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  for (int i = 1; i <= 50; ++i) api.add("services", plain("s" + std::to_string(i), i));
  ASSERT_TRUE(until([&] { return programmed("default/s50"); }));
  EXPECT_LT(syncs.size(), 10U);
}

TEST_F(AgentTest, ANodeThatSaysNothingNewCostsNothing) {
  api.add("nodes", node_n1);
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  for (int i = 0; i < 5; ++i) api.add("nodes", node_n1);
  size_t before = syncs.size();
  api.add("services", plain("a", 1));
  ASSERT_TRUE(until([&] { return programmed("default/a"); }));
  EXPECT_EQ(syncs.size(), before + 1);
}

TEST_F(AgentTest, LooksAtTheKernelPeriodically) {
  options.sync_period = std::chrono::milliseconds(50);
  api.add("nodes", node_n1);
  start();
  EXPECT_TRUE(
      until([&] { return std::count_if(syncs.begin(), syncs.end(), [](const Synced& s) { return s.verify; }) >= 3; }));
}

TEST_F(AgentTest, GoesOnWithoutTheApiServerAndCatchesUp) {
  options.sync_period = std::chrono::milliseconds(50);
  api.add("nodes", node_n1);
  api.add("services", plain("a", 1));
  start();
  ASSERT_TRUE(until([&] { return programmed("default/a"); }));
  std::uint16_t port = api.port;
  api.stop();
  ASSERT_TRUE(until([&] { return logged("services stay as they are"); }));
  size_t before = syncs.size();
  ASSERT_TRUE(until([&] { return syncs.size() > before + 2; })) << "it goes on verifying";
  EXPECT_TRUE(programmed("default/a"));
  api.add("services", plain("b", 2));
  api.start(port);
  EXPECT_TRUE(until([&] { return programmed("default/b"); }));
}

TEST_F(AgentTest, OneLineTellsThatTheApiServerIsGone) {
  api.add("nodes", node_n1);
  start();
  ASSERT_TRUE(until([&] { return !syncs.empty(); }));
  api.stop();
  ASSERT_TRUE(until([&] { return logged("no API server"); }));
  until([&, end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300)] {
    return std::chrono::steady_clock::now() > end;
  });
  std::string text = log.str();
  size_t first = text.find("no API server");
  EXPECT_EQ(text.find("no API server", first + 1), std::string::npos);
}

// A port that the kernel gives, and that is free again.
std::uint16_t free_port() {
  boost::asio::io_context loop;
  return http::Server(loop, [](auto) {}).listen(http::Endpoint::tcp("127.0.0.1", 0));
}

TEST_F(AgentTest, SaysUpToWhichVersionTheKernelIsProgrammed) {
  options.healthz_address = "127.0.0.1:" + std::to_string(free_port());
  auto answer = [&] {
    std::optional<http::Response> response;
    http::Client client(loop, http::Endpoint::parse(options.healthz_address));
    http::Request request;
    request.target = "/healthz";
    client.request(request, [&](const http::Outcome& outcome) { response = outcome.response; });
    EXPECT_TRUE(until([&] { return response.has_value(); }));
    return response.value_or(http::Response());
  };
  api.add("services", plain("a", 1));
  start();
  EXPECT_EQ(answer().status, 503) << "its node is not known yet";
  api.add("nodes", node_n1);
  ASSERT_TRUE(until([&] { return programmed("default/a"); }));
  EXPECT_EQ(answer().status, 200);
  EXPECT_THAT(answer().body, HasSubstr("\"resourceVersion\":\"2\""));
  api.add("services", plain("b", 2));
  ASSERT_TRUE(until([&] { return programmed("default/b"); }));
  EXPECT_THAT(answer().body, HasSubstr("\"resourceVersion\":\"4\""));
}

}  // namespace
}  // namespace proxy
