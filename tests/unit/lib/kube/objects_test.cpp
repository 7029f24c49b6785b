#include "lib/kube/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace kube {
namespace {

using ::testing::ElementsAre;

Object parse(const char* text) {
  return boost::json::parse(text).as_object();
}

TEST(Find, FollowsPathsAndStopsAtOtherTypes) {
  Object object = parse(R"({"a":{"b":{"c":5}},"s":"text","l":[1]})");
  EXPECT_EQ(number_at(object, "a.b.c"), 5);
  EXPECT_EQ(find(object, "a.x.c"), nullptr);
  EXPECT_EQ(find(object, "s.x"), nullptr);
  EXPECT_EQ(text_at(object, "a.b", "fallback"), "fallback");
  EXPECT_TRUE(array_at(object, "s").empty());
}

TEST(Service, ReadsWhatProxiesNeed) {
  Service service = Service::parse(parse(R"({
    "metadata":{"name":"web","namespace":"default","annotations":{"a":"b"}},
    "spec":{"type":"NodePort","clusterIP":"10.108.0.5","clusterIPs":["10.108.0.5"],"sessionAffinity":"ClientIP",
      "sessionAffinityConfig":{"clientIP":{"timeoutSeconds":60}},"externalIPs":["1.2.3.4"],
      "externalTrafficPolicy":"Local","healthCheckNodePort":31000,"selector":{"app":"web"},
      "ports":[{"name":"http","port":80,"targetPort":"http","nodePort":30080},{"name":"dns","port":53,"protocol":"UDP"}]},
    "status":{"loadBalancer":{"ingress":[{"ip":"5.6.7.8"}]}}})"));
  EXPECT_EQ(service.metadata.key(), "default/web");
  ASSERT_EQ(service.ports.size(), 2u);
  EXPECT_EQ(service.ports[0].protocol, "TCP");
  EXPECT_EQ(service.ports[0].node_port, 30080);
  EXPECT_EQ(service.ports[0].target_port.name, "http");
  EXPECT_EQ(service.ports[1].target_port.number, 53);
  EXPECT_EQ(service.affinity_timeout_seconds, 60);
  EXPECT_EQ(service.external_traffic_policy, "Local");
  EXPECT_EQ(service.internal_traffic_policy, "Cluster");
  EXPECT_THAT(service.load_balancer_ips, ElementsAre("5.6.7.8"));
  EXPECT_FALSE(service.headless());
}

TEST(EndpointSlice, AbsentReadinessMeansReadyAndServingFollowsIt) {
  EndpointSlice slice = EndpointSlice::parse(parse(R"({
    "metadata":{"name":"web-x","namespace":"default","labels":{"kubernetes.io/service-name":"web"}},
    "addressType":"IPv4","ports":[{"name":"http","port":8080}],
    "endpoints":[{"addresses":["10.244.1.5"],"nodeName":"w1"},
                 {"addresses":["10.244.1.6"],"conditions":{"ready":false}},
                 {"addresses":["10.244.1.7"],"conditions":{"ready":false,"serving":true,"terminating":true}}]})"));
  EXPECT_EQ(slice.service_name, "web");
  ASSERT_EQ(slice.endpoints.size(), 3u);
  EXPECT_TRUE(slice.endpoints[0].ready);
  EXPECT_TRUE(slice.endpoints[0].serving);
  EXPECT_FALSE(slice.endpoints[1].serving);
  EXPECT_TRUE(slice.endpoints[2].serving);
  EXPECT_TRUE(slice.endpoints[2].terminating);
  EXPECT_EQ(slice.ports[0].port, 8080);
}

TEST(Node, FindsItsInternalAddressAndReadiness) {
  Node node = Node::parse(parse(R"({"metadata":{"name":"w1"},"spec":{"podCIDR":"10.244.1.0/24"},
    "status":{"addresses":[{"type":"Hostname","address":"w1"},{"type":"InternalIP","address":"192.168.113.11"}],
              "conditions":[{"type":"Ready","status":"True"}]}})"));
  EXPECT_EQ(node.internal_ip(), "192.168.113.11");
  EXPECT_EQ(node.pod_cidr, "10.244.1.0/24");
  EXPECT_TRUE(node.ready());
}

TEST(Pod, ReadsContainersAndProbes) {
  Pod pod = Pod::parse(parse(R"({"metadata":{"name":"p","namespace":"d","deletionTimestamp":"2026-01-01T00:00:00Z"},
    "spec":{"nodeName":"w1","containers":[{"name":"c","image":"echo","command":["sh","-c"],"args":["x"],
      "env":[{"name":"A","value":"1"},{"name":"IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}}],
      "ports":[{"containerPort":8080,"name":"http"}],
      "readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"periodSeconds":2},
      "livenessProbe":{"tcpSocket":{"port":8080}},"startupProbe":{"exec":{"command":["true"]}}}]},
    "status":{"phase":"Running","podIP":"10.244.1.5","conditions":[{"type":"Ready","status":"False"}]}})"));
  EXPECT_TRUE(pod.terminating());
  EXPECT_FALSE(pod.ready());
  EXPECT_THAT(pod.pod_ips, ElementsAre("10.244.1.5"));
  ASSERT_EQ(pod.containers.size(), 1u);
  const Container& container = pod.containers[0];
  EXPECT_THAT(container.command, ElementsAre("sh", "-c"));
  EXPECT_EQ(container.environment[1].field_path, "status.podIP");
  ASSERT_TRUE(container.readiness_probe);
  EXPECT_EQ(container.readiness_probe->kind, Probe::Kind::http);
  EXPECT_EQ(container.readiness_probe->port.name, "http");
  EXPECT_EQ(container.readiness_probe->period_seconds, 2);
  EXPECT_EQ(container.readiness_probe->failure_threshold, 3);
  EXPECT_EQ(container.liveness_probe->kind, Probe::Kind::tcp);
  EXPECT_THAT(container.startup_probe->command, ElementsAre("true"));
}

TEST(Toleration, MatchesByKeyValueAndEffect) {
  Taint taint{"node-role.kubernetes.io/control-plane", "", "NoSchedule"};
  EXPECT_TRUE((Toleration{"", "Exists", "", ""}).tolerates(taint));
  EXPECT_TRUE((Toleration{taint.key, "Exists", "", "NoSchedule"}).tolerates(taint));
  EXPECT_TRUE((Toleration{taint.key, "Equal", "", ""}).tolerates(taint));
  EXPECT_FALSE((Toleration{taint.key, "Exists", "", "NoExecute"}).tolerates(taint));
  EXPECT_FALSE((Toleration{taint.key, "Equal", "yes", ""}).tolerates(taint));
  EXPECT_FALSE((Toleration{"other", "Exists", "", ""}).tolerates(taint));
  EXPECT_FALSE((Toleration{"", "Equal", "", ""}).tolerates(taint));
}

TEST(ReplicaSet, ReadsSpecAndStatus) {
  ReplicaSet set = ReplicaSet::parse(parse(R"({"metadata":{"name":"web-1","namespace":"d","ownerReferences":[
      {"kind":"Deployment","name":"web","uid":"u1","controller":true}]},
    "spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}}}},
    "status":{"replicas":2,"readyReplicas":1,"availableReplicas":1,"observedGeneration":4}})"));
  EXPECT_EQ(set.replicas, 3);
  EXPECT_EQ(set.status_replicas, 2);
  EXPECT_EQ(set.observed_generation, 4);
  ASSERT_EQ(set.metadata.owners.size(), 1u);
  EXPECT_TRUE(set.metadata.owners[0].controller);
  EXPECT_EQ(text_at(set.pod_template, "metadata.labels.app"), "web");
}

}  // namespace
}  // namespace kube
