// A running cluster brought to an edited topology: workers, agents and objects come and go; pods that are not concerned
// run on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "lib/kube/objects.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::OnWhateverKernel;
using running_lab::RunningLab;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kCluster = R"(
version: 1
name: growing
networks: {lan: {subnet: 192.168.113.0/24}}
nodes:
  cp: {links: {lan: 192.168.113.10}}
  worker1: {links: {lan: 192.168.113.11}}
cluster: {controlPlane: cp, workers: [worker1], network: lan}
manifests:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: red}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: old}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec: {containers: [{name: echo, image: echo}]}
)";

std::string with(std::string text, const std::string& before, const std::string& after) {
  std::size_t at = text.find(before);
  if (at == std::string::npos) throw std::logic_error("no " + before);
  return text.replace(at, before.size(), after);
}

boost::json::object apply_topology(RunningLab& lab, const std::string& text) {
  boost::json::object wanted{{"topology", {{"path", "growing.yaml"}, {"text", text}}}};
  std::string stream;
  lab.control().post_stream("/v1/apply", wanted, [&](std::string_view piece) { return stream.append(piece), true; });
  stream.pop_back();
  return boost::json::parse(stream.substr(stream.rfind('\n') + 1)).as_object();
}

class ApplyToClusterTest : public OnWhateverKernel {};

TEST_F(ApplyToClusterTest, WorkersAndObjectsComeAndGo) {
  RunningLab lab(kCluster);
  auto ask = [&](const std::string& path) {
    return lab.run("cp", "curl -s http://192.168.113.10:8080/api/v1/" + path);
  };
  auto web = [&] {
    return kube::number_at(lab.control().get("/v1/pods/default%2Fweb").at("containers").at(0).as_object(), "pid");
  };
  lab.run("cp",
          "curl -s -X POST -H 'Content-Type: application/json' "
          "http://192.168.113.10:8080/api/v1/namespaces/default/configmaps "
          "-d '{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"by-hand\"}}'");
  auto before = web();

  std::string text = with(kCluster, "cluster:", "  worker2: {links: {lan: 192.168.113.12}}\ncluster:");
  text = with(text, "workers: [worker1]", "workers: [worker1, worker2]");
  text = with(text, "colour: red", "colour: blue");
  text = with(text, "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: old}}\n", "");
  boost::json::object end = apply_topology(lab, text);
  ASSERT_TRUE(end.at("applied").as_bool()) << end;
  EXPECT_THAT(ask("namespaces/default/configmaps/settings"), HasSubstr("blue"));
  EXPECT_THAT(ask("namespaces/default/configmaps/old"), HasSubstr("NotFound"));
  EXPECT_THAT(ask("namespaces/default/configmaps/by-hand"), Not(HasSubstr("NotFound")))
      << "it is none of the topology's";
  EXPECT_THAT(ask("nodes/worker2"), HasSubstr("\"type\":\"Ready\""));
  EXPECT_EQ(web(), before) << "a pod that was not concerned was started anew";

  ASSERT_TRUE(apply_topology(lab, kCluster).at("applied").as_bool());
  EXPECT_THAT(ask("nodes/worker2"), HasSubstr("NotFound"));
  EXPECT_THAT(ask("namespaces/default/configmaps/settings"), HasSubstr("red"));
  EXPECT_EQ(web(), before);
}

}  // namespace
