#include "labctl/scenario/resolver.h"

#include <gmock/gmock.h>

#include <regex>

#include "tests/unit/labctl/scenario/fake_lab.h"

namespace scenario {
namespace {

using testing::HasSubstr;

const char* const cluster = R"(
version: 1
name: lab
networks: {lan: {subnet: 192.168.1.0/24}, other: {subnet: 192.168.2.0/24}}
nodes:
  cp: {links: {other: 192.168.2.1, lan: 192.168.1.1}}
  w: {links: {lan: 192.168.1.2}}
cluster: {controlPlane: cp, workers: [w], network: lan}
)";

std::string pod(const std::string& name, const std::string& ip, const std::string& more = "",
                const std::string& phase = "Running") {
  return R"({"metadata":{"name":")" + name + R"(","namespace":"shop")" + more +
         R"(},"spec":{"nodeName":"w"},"status":{"phase":")" + phase + R"(","podIP":")" + ip + "\"}}";
}

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() {
    lab_.answer = [this](const lab::Command& command) {
      EXPECT_EQ(command.node, "cp");
      std::string target = command.arguments.back();
      for (const auto& [path, items] : api_) {
        if (target != "http://127.0.0.1:8080" + path) continue;
        std::string list = "{\"items\":[" + items + "]}";
        return probed({boost::json::serialize(boost::json::object{{"ok", true}, {"status", 200}, {"body", list}})});
      }
      return probed({R"({"ok":true,"status":404,"body":"no such thing"})"});
    };
  }

  std::string error_of(const std::string& text) {
    try {
      return "none: " + resolver_.text(text);
    } catch (const base::Error& error) {
      return error.what();
    }
  }

  topology::Topology topology_ = topology::parse(cluster, "t.yaml");
  std::map<std::string, std::string> api_;
  FakeLab lab_;
  Resolver resolver_{lab_, topology_};
};

TEST_F(ResolverTest, FindsPodsByLabelsAndName) {
  api_["/api/v1/pods?labelSelector=app%3Dweb"] = pod("web-b", "10.244.1.2") + "," + pod("web-a", "10.244.0.9");
  EXPECT_EQ(resolver_.text("http://${pod:app=web:0:ip}:80/${pod:app=web:1:name}?${pod:app=web:1:node}"),
            "http://10.244.0.9:80/web-b?w");
  EXPECT_EQ(lab_.commands.size(), 1u) << "what is known is not asked for again";
}

TEST_F(ResolverTest, PassesOverPodsThatGoOrHaveEnded) {
  api_["/api/v1/pods?labelSelector=app%3Dweb"] =
      pod("web-a", "1.1.1.1", R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")") + "," +
      pod("web-b", "2.2.2.2", "", "Succeeded") + "," + pod("web-c", "3.3.3.3");
  EXPECT_EQ(resolver_.text("${pod:app=web:0:ip}"), "3.3.3.3");
}

TEST_F(ResolverTest, SaysWhatThereIsInstead) {
  api_["/api/v1/pods?labelSelector=app%3Dweb"] = pod("web-a", "");
  api_["/api/v1/pods?labelSelector=app%3Ddb"] = "";
  api_["/api/v1/namespaces/default/services"] =
      R"({"metadata":{"name":"web","namespace":"default"},"spec":{"ports":[{"port":80}]}})";
  EXPECT_EQ(error_of("${pod:app=web:1:ip}"),
            "reference ${pod:app=web:1:ip}: no such pod, of those with these labels there are shop/web-a");
  EXPECT_THAT(error_of("${pod:app=db:0:ip}"), HasSubstr("there are none"));
  EXPECT_THAT(error_of("${pod:app=web:0:ip}"), HasSubstr("pod shop/web-a has none yet, its phase is Running"));
  EXPECT_THAT(error_of("${service:wbe:port}"), HasSubstr("no such Service, in namespace default there are web"));
  EXPECT_THAT(error_of("${service:web:nodePort}"), HasSubstr("Service default/web of type ClusterIP has none"));
  EXPECT_THAT(error_of("${service:web.kube-system:port}"), HasSubstr("status 404: no such thing"));
}

TEST_F(ResolverTest, KnowsServicesAndNodes) {
  api_["/api/v1/namespaces/kube-system/services"] =
      R"({"metadata":{"name":"dns","namespace":"kube-system"},"spec":{"clusterIP":"10.108.0.10","type":"NodePort",
          "ports":[{"port":53,"nodePort":30053},{"port":54}]}})";
  EXPECT_EQ(resolver_.text("${service:dns.kube-system:clusterIP} ${service:dns.kube-system:port} "
                           "${service:dns.kube-system:nodePort}"),
            "10.108.0.10 53 30053");
  EXPECT_EQ(resolver_.text("${node:cp:ip}"), "192.168.1.1") << "on the cluster's network";
}

TEST_F(ResolverTest, NamesPlacesAsTheLabDoes) {
  api_["/api/v1/pods?labelSelector=app%3Dweb"] = pod("web-a", "1.1.1.1");
  EXPECT_EQ(resolver_.place("w"), "w");
  EXPECT_EQ(resolver_.place("shell"), "default/shell");
  EXPECT_EQ(resolver_.place("shop/web-a"), "shop/web-a");
  EXPECT_EQ(resolver_.place("${pod:app=web:0:name}"), "shop/web-a") << "with its namespace";
  EXPECT_EQ(resolver_.place("${pod:app=web:0:node}"), "w");
}

TEST_F(ResolverTest, MatchesLiterallyWhatAReferenceStandsFor) {
  std::string pattern = resolver_.pattern("via ${node:w:ip} dev (lan|x)");
  EXPECT_TRUE(std::regex_search("1.2.3.4 via 192.168.1.2 dev lan", std::regex(pattern)));
  EXPECT_FALSE(std::regex_search("1.2.3.4 via 192x168x1x2 dev lan", std::regex(pattern)));
}

}  // namespace
}  // namespace scenario
