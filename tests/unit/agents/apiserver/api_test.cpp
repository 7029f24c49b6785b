#include "agents/apiserver/api.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sstream>

#include "agents/apiserver/columns.h"
#include "agents/apiserver/watch.h"
#include "tests/unit/agents/apiserver/fixture.h"

namespace apiserver {
namespace {

namespace http = base::http;
using kube::text_at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr const char* pods = "/api/v1/namespaces/default/pods";
constexpr const char* table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
constexpr const char* pod_p =
    R"({"metadata":{"name":"p","labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"echo"}]}})";

// The whole server, spoken to over HTTP.
class ApiTest : public RegistryTest {
 protected:
  ApiTest() {
    auto endpoint = http::Endpoint::tcp("127.0.0.1", server_.listen(http::Endpoint::tcp("127.0.0.1", 0)));
    client_ = std::make_unique<http::Client>(loop_, endpoint);
  }

  http::Response call(const std::string& method, const std::string& target, const std::string& body = {},
                      const std::string& content_type = "application/json", const std::string& accept = {}) {
    http::Request request;
    request.method = method;
    request.target = target;
    request.body = body;
    request.headers.emplace("Content-Type", content_type);
    if (!accept.empty()) request.headers.emplace("Accept", accept);
    http::Response response;
    client_->request(std::move(request), [&](http::Outcome outcome) {
      response = outcome.value();
      loop_.stop();
    });
    run();
    return response;
  }

  void run() {
    loop_.restart();
    loop_.run_for(10s);
    ASSERT_TRUE(loop_.stopped());
  }

  // Watches until COUNT lines are there or the stream ends.
  std::vector<Object> watch(const std::string& target, size_t count, std::function<void()> then = {},
                            const std::string& accept = {}) {
    std::vector<Object> lines;
    http::Request request;
    request.target = target;
    if (!accept.empty()) request.headers.emplace("Accept", accept);
    http::Client::StreamCallbacks callbacks;
    callbacks.on_head = [&](const http::Response& head) {
      EXPECT_EQ(head.status, 200) << head.body;
      if (then) then();
    };
    callbacks.on_line = [&](std::string_view line) {
      lines.push_back(parse(std::string(line)));
      if (lines.size() == count) loop_.stop();
    };
    callbacks.on_end = [&](std::optional<base::Error>) { loop_.stop(); };
    auto watching = client_->stream(std::move(request), std::move(callbacks));
    run();
    watching->cancel();
    return lines;
  }

  static std::vector<std::string> summary(const std::vector<Object>& lines) {
    std::vector<std::string> result;
    for (const Object& line : lines) {
      result.push_back(text_at(line, "type") + " " + text_at(line, "object.metadata.name"));
    }
    return result;
  }

  boost::asio::io_context loop_{1};
  std::ostringstream log_;
  Api api_{loop_, registry_, store_, &log_};
  http::Server server_{loop_, [this](std::shared_ptr<http::Exchange> exchange) { api_.handle(exchange); }};
  std::unique_ptr<http::Client> client_;
};

TEST_F(ApiTest, ObjectsAreCreatedReadChangedAndDeleted) {
  EXPECT_EQ(call("POST", pods, pod_p).status, 201);
  EXPECT_EQ(call("GET", std::string(pods) + "/p").status, 200);
  EXPECT_EQ(
      call("PATCH", std::string(pods) + "/p", R"({"metadata":{"labels":{"a":"b"}}})", "application/merge-patch+json")
          .status,
      200);
  Object list = parse(call("GET", std::string(pods) + "?labelSelector=a%3Db").body);
  EXPECT_EQ(text_at(list, "kind"), "PodList");
  EXPECT_EQ(kube::array_at(list, "items").size(), 1u);
  EXPECT_EQ(text_at(list, "metadata.resourceVersion"), std::to_string(store_.version()));
  EXPECT_EQ(call("DELETE", std::string(pods) + "/p").status, 200);
  EXPECT_EQ(call("GET", std::string(pods) + "/p").status, 404);
  EXPECT_THAT(log_.str(), HasSubstr("GET /api/v1/namespaces/default/pods/p 404"));
}

TEST_F(ApiTest, RefusalsAreStatusObjects) {
  http::Response response = call("GET", std::string(pods) + "/p");
  Object status = parse(response.body);
  EXPECT_EQ(text_at(status, "kind"), "Status");
  EXPECT_EQ(text_at(status, "reason"), "NotFound");
  EXPECT_EQ(kube::number_at(status, "code"), 404);
  EXPECT_EQ(text_at(status, "details.kind"), "pods");
  EXPECT_EQ(call("GET", "/api/v1/nothing").status, 404);
  EXPECT_EQ(call("GET", "/apis/nothing/v1/x").status, 404);
  EXPECT_EQ(call("PUT", pods, pod_p).status, 405);
  EXPECT_EQ(call("POST", pods, "{").status, 400);
  EXPECT_EQ(call("POST", pods, "x", "application/vnd.kubernetes.unknown").status, 415);
  EXPECT_EQ(call("GET", std::string(pods) + "?labelSelector=a+b").status, 400);
  EXPECT_EQ(call("PATCH", std::string(pods) + "/p", "{}", "application/json").status, 415);
}

TEST_F(ApiTest, ManifestsMayBeYaml) {
  EXPECT_EQ(call("POST", "/api/v1/namespaces/default/configmaps",
                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n", "application/yaml")
                .status,
            201);
}

TEST_F(ApiTest, AnApplySaysWhoseItIs) {
  const std::string map = "/api/v1/namespaces/default/configmaps/m", type = "application/apply-patch+yaml";
  EXPECT_THAT(call("PATCH", map, "data: {a: b}", type).body, HasSubstr("fieldManager: Required value"));
  EXPECT_EQ(call("PATCH", map + "?fieldManager=one", "data: {a: b}", type).status, 201);
  call("PATCH", map + "?fieldManager=two", "data: {c: d}", type);
  Object after = parse(call("PATCH", map + "?fieldManager=one", "{}", type).body);
  EXPECT_THAT(kube::string_map_at(after, "data"), ElementsAre(std::pair<const std::string, std::string>("c", "d")));
}

TEST_F(ApiTest, DeletionTakesItsOptionsFromBodyOrQuery) {
  call("POST", pods, R"({"metadata":{"name":"p"},"spec":{"nodeName":"w","containers":[{"name":"c","image":"i"}]}})");
  EXPECT_EQ(call("DELETE", std::string(pods) + "/p", R"({"preconditions":{"uid":"other"}})").status, 409);
  call("DELETE", std::string(pods) + "/p", R"({"gracePeriodSeconds":5})");
  EXPECT_EQ(kube::number_at(*store_.get("pods", "default/p"), "metadata.deletionGracePeriodSeconds"), 5);
  call("DELETE", std::string(pods) + "/p?gracePeriodSeconds=0");
  EXPECT_FALSE(exists("pods", "default/p"));
}

TEST_F(ApiTest, CollectionsAreDeletedBySelector) {
  call("POST", pods, pod_p);
  call("POST", pods, R"({"metadata":{"name":"q"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  call("DELETE", std::string(pods) + "?labelSelector=app%3Dweb");
  EXPECT_FALSE(exists("pods", "default/p"));
  EXPECT_TRUE(exists("pods", "default/q"));
}

TEST_F(ApiTest, AWatchFollowsFromItsVersion) {
  create("pods", pod_p);
  std::string version = std::to_string(store_.version());
  patch(target("pods", "p"), R"({"metadata":{"labels":{"x":"1"}}})");
  auto lines = watch(std::string(pods) + "?watch=true&resourceVersion=" + version, 2,
                     [&] { registry_.remove(target("pods", "p"), {}); });
  EXPECT_THAT(summary(lines), ElementsAre("MODIFIED p", "DELETED p"));
}

TEST_F(ApiTest, AWatchWithoutVersionBeginsWithWhatIsThere) {
  create("pods", pod_p);
  EXPECT_THAT(summary(watch(std::string(pods) + "?watch=1", 1)), ElementsAre("ADDED p"));
  EXPECT_THAT(summary(watch(std::string(pods) + "?watch=1&resourceVersion=0", 1)), ElementsAre("ADDED p"));
}

TEST_F(ApiTest, AnObjectThatComesToMatchIsAddedAndOneThatCeasesToIsDeleted) {
  create("pods", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  std::string version = std::to_string(store_.version());
  auto lines = watch(std::string(pods) + "?watch=1&labelSelector=app%3Dweb&resourceVersion=" + version, 3, [&] {
    patch(target("pods", "p"), R"({"metadata":{"labels":{"other":"1"}}})");
    patch(target("pods", "p"), R"({"metadata":{"labels":{"app":"web"}}})");
    patch(target("pods", "p"), R"({"metadata":{"labels":{"more":"1"}}})");
    patch(target("pods", "p"), R"({"metadata":{"labels":{"app":"db"}}})");
  });
  EXPECT_THAT(summary(lines), ElementsAre("ADDED p", "MODIFIED p", "DELETED p"));
}

TEST_F(ApiTest, EndpointsAreWatchedAsTheirServiceAndItsSlicesChange) {
  std::string version = std::to_string(store_.version());
  Target slice = target("endpointslices.discovery.k8s.io", "s-x");
  auto lines = watch("/api/v1/namespaces/default/endpoints?watch=1&resourceVersion=" + version, 5, [&] {
    create("services", R"({"metadata":{"name":"s"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})");
    create(slice.kind->collection(),
           R"({"metadata":{"name":"s-x","labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4",
               "ports":[{"port":8080}],"endpoints":[{"addresses":["10.244.1.5"]}]})");
    patch(slice, R"({"endpoints":[{"addresses":["10.244.1.5"],"conditions":{"ready":false}}]})");
    registry_.remove(slice, {});
    registry_.remove(target("services", "s"), {});
  });
  EXPECT_THAT(summary(lines), ElementsAre("ADDED s", "MODIFIED s", "MODIFIED s", "MODIFIED s", "DELETED s"));
  auto subset = [&](size_t line) { return kube::array_at(lines.at(line), "object.subsets").at(0).as_object(); };
  EXPECT_EQ(kube::array_at(subset(1), "addresses").size(), 1u);
  EXPECT_EQ(kube::array_at(subset(2), "notReadyAddresses").size(), 1u);
  EXPECT_TRUE(kube::array_at(lines.at(3), "object.subsets").empty());
}

TEST_F(ApiTest, AVersionThatIsForgottenIs410) {
  for (const std::string& version : {std::string("1"), std::to_string(store_.version() + 100)}) {
    auto lines = watch(std::string(pods) + "?watch=1&resourceVersion=" + version, 2);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(text_at(lines[0], "type"), "ERROR");
    EXPECT_EQ(kube::number_at(lines[0], "object.code"), 410);
    EXPECT_EQ(text_at(lines[0], "object.reason"), "Expired");
  }
}

TEST_F(ApiTest, InitialEventsEndWithABookmark) {
  create("pods", pod_p);
  auto lines = watch(std::string(pods) +
                         "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                         "&allowWatchBookmarks=true",
                     3, [&] { patch(target("pods", "p"), R"({"metadata":{"labels":{"x":"1"}}})"); });
  ASSERT_THAT(summary(lines), ElementsAre("ADDED p", "BOOKMARK ", "MODIFIED p"));
  EXPECT_EQ(kube::string_map_at(lines[1].at("object").as_object(), "metadata.annotations")["k8s.io/initial-events-end"],
            "true");
}

TEST_F(ApiTest, InitialEventsWithoutTheirMatchAreRefused) {
  EXPECT_EQ(call("GET", std::string(pods) + "?watch=1&sendInitialEvents=true").status, 422);
}

TEST_F(ApiTest, AWatchEndsAfterItsTimeout) {
  auto lines = watch(std::string(pods) + "?watch=1&timeoutSeconds=1", 1);
  EXPECT_TRUE(lines.empty());
}

TEST_F(ApiTest, WatchersThatDoNotReadAreCut) {
  // A stream that takes everything and passes nothing on.
  struct Stuck : http::ResponseStream {
    void write(std::string data) override { bytes += data.size(); }
    void finish() override {}
    void abort() override { aborted = true; }
    size_t backlog() const override { return bytes; }
    bool closed() const override { return aborted; }
    void on_closed(std::function<void()> callback) override { kept = std::move(callback); }
    void on_drained(std::function<void()>) override {}
    size_t bytes = 0;
    bool aborted = false;
    std::function<void()> kept;
  };
  auto stuck = std::make_shared<Stuck>();
  WatchOptions options;
  options.kind = &kind("configmaps");
  options.backlog_limit = 100 * 1024;
  Watch::start(loop_, registry_, store_, std::move(options), stuck);
  std::string big(10 * 1024, 'x');
  for (int number = 0; number < 9; ++number) {
    create("configmaps", R"({"metadata":{"name":"c)" + std::to_string(number) + R"("},"data":{"x":")" + big + "\"}}");
  }
  EXPECT_FALSE(stuck->aborted);
  for (int number = 10; number < 14; ++number) {
    create("configmaps", R"({"metadata":{"name":"c)" + std::to_string(number) + R"("},"data":{"x":")" + big + "\"}}");
  }
  EXPECT_TRUE(stuck->aborted);
  stuck->kept();
  stuck->kept = nullptr;
}

TEST_F(ApiTest, TablesHaveKubectlsColumns) {
  create("services", R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","selector":{"app":"web"},
    "clusterIP":"10.108.0.9","ports":[{"port":80,"nodePort":30080}]}})");
  Object answer = parse(call("GET", "/api/v1/namespaces/default/services/s", "", "", table).body);
  ASSERT_EQ(text_at(answer, "kind"), "Table");
  std::vector<std::string> names;
  for (const auto& column : kube::array_at(answer, "columnDefinitions")) {
    names.push_back(text_at(column.as_object(), "name"));
  }
  EXPECT_THAT(names, ElementsAre("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"));
  const Object& row = kube::array_at(answer, "rows").at(0).as_object();
  EXPECT_EQ(boost::json::serialize(row.at("cells")),
            R"(["s","NodePort","10.108.0.9","<none>","80:30080/TCP","0s","app=web"])");
  EXPECT_EQ(text_at(row, "object.kind"), "PartialObjectMetadata");
}

TEST_F(ApiTest, TableWatchesSendTablesAndColumnsOnce) {
  create("pods", pod_p);
  auto lines = watch(
      std::string(pods) + "?watch=1", 2, [&] { patch(target("pods", "p"), R"({"metadata":{"labels":{"x":"1"}}})"); },
      table);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(text_at(lines[0], "object.kind"), "Table");
  EXPECT_FALSE(kube::array_at(lines[0], "object.columnDefinitions").empty());
  EXPECT_TRUE(kube::array_at(lines[1], "object.columnDefinitions").empty());
}

TEST_F(ApiTest, PodStatusReadsAsInKubectl) {
  struct {
    const char* patch;
    const char* shown;
  } cases[] = {
      {R"({"status":{"phase":"Running","containerStatuses":[{"name":"c","ready":true,"state":{"running":{}}}]}})",
       R"("1/1","Running","0")"},
      {R"({"status":{"phase":"Running","containerStatuses":[{"name":"c","ready":false,"restartCount":3,
          "state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
       R"("0/1","CrashLoopBackOff","3")"},
      {R"({"status":{"phase":"Failed","containerStatuses":[{"name":"c","ready":false,
          "state":{"terminated":{"exitCode":3}}}]}})",
       R"("0/1","ExitCode:3","0")"},
      {R"({"status":{"phase":"Succeeded","containerStatuses":[{"name":"c","ready":false,
          "state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}})",
       R"("0/1","Completed","0")"},
  };
  for (const auto& one : cases) {
    create("pods", pod_p);
    patch(target("pods", "p", "status"), one.patch);
    EXPECT_THAT(call("GET", pods, "", "", table).body, HasSubstr(one.shown));
    DeleteOptions now;
    now.grace_seconds = 0;
    registry_.remove(target("pods", "p"), now);
  }
}

TEST_F(ApiTest, DiscoveryNamesEveryKind) {
  Object core = parse(call("GET", "/api/v1").body);
  EXPECT_THAT(boost::json::serialize(core), HasSubstr(R"("name":"pods/status")"));
  Object apps = parse(call("GET", "/apis/apps/v1").body);
  EXPECT_THAT(boost::json::serialize(apps), HasSubstr(R"("name":"deployments/scale")"));
  EXPECT_THAT(call("GET", "/apis").body, HasSubstr("discovery.k8s.io/v1"));
  http::Response all =
      call("GET", "/apis", "", "", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  EXPECT_THAT(all.content_type, HasSubstr("as=APIGroupDiscoveryList"));
  EXPECT_THAT(all.body, HasSubstr("endpointslices"));
  EXPECT_EQ(call("GET", "/readyz").body, "ok");
  EXPECT_THAT(call("GET", "/openapi/v3/apis/apps/v1").body, HasSubstr("fieldValidation"));
}

TEST_F(ApiTest, LogsAndExecSayWhatToUseInstead) {
  create("pods", pod_p);
  http::Response response = call("GET", std::string(pods) + "/p/log");
  EXPECT_EQ(response.status, 501);
  EXPECT_THAT(response.body, HasSubstr("labctl logs"));
}

TEST(HumanDuration, StepsAsKubectlDoes) {
  EXPECT_EQ(human_duration(0), "0s");
  EXPECT_EQ(human_duration(119), "119s");
  EXPECT_EQ(human_duration(120), "2m");
  EXPECT_EQ(human_duration(303), "5m3s");
  EXPECT_EQ(human_duration(15 * 60 + 1), "15m");
  EXPECT_EQ(human_duration(3 * 3600 + 60), "3h1m");
  EXPECT_EQ(human_duration(9 * 3600), "9h");
  EXPECT_EQ(human_duration(3 * 86400 + 3600), "3d1h");
  EXPECT_EQ(human_duration(400 * 86400), "400d");
  EXPECT_EQ(human_duration(-5), "<invalid>");
}

}  // namespace
}  // namespace apiserver
