#include "agents/controller/endpoint_slices.h"

#include <set>
#include <stdexcept>

#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::UnorderedElementsAre;

// A Service, pods and slices, on which decisions are carried out as the API server would.
class SlicesTest : public ::testing::Test {
 protected:
  SlicesTest() {
    service_.metadata = metadata("web");
    service_.metadata.labels = {{"team", "a"}};
    service_.cluster_ip = "10.96.0.10";
    service_.ip_families = {"IPv4"};
    service_.selector = {{"app", "web"}};
    service_.ports = {{"http", "TCP", 80, {8080, ""}, 0}};
  }

  Decision decide() { return reconcile_slices("default/web", &service_, pods_, nodes_, slices_); }

  void apply(const Decision& decision) {
    for (const Change& change : decision.changes) {
      if (change.verb == Change::Verb::remove) {
        slices_.erase(change.key());
        continue;
      }
      Object object = change.body;
      if (change.verb == Change::Verb::patch) {
        object["metadata"] = stored_[change.key()]["metadata"];
        object["addressType"] = stored_[change.key()]["addressType"];
        Object& labels = object["metadata"].as_object()["labels"].as_object();
        for (const auto& [key, value] : kube::object_at(change.body, "metadata.labels")) {
          value.is_null() ? void(labels.erase(key)) : void(labels[key] = value);
        }
      }
      stored_[change.key()] = object;
      slices_[change.key()] = kube::EndpointSlice::parse(object);
    }
  }
  void settle() {
    apply(decide());
    EXPECT_THAT(texts_of(decide()), IsEmpty()) << "a settled Service is not written to";
  }

  void use_pods(const std::vector<kube::Pod>& pods) { pods_ = by_key<kube::Pod>(pods); }
  const kube::EndpointSlice& only_slice() const {
    if (slices_.size() != 1) throw std::logic_error(std::to_string(slices_.size()) + " slices instead of one");
    return slices_.begin()->second;
  }
  // "10.244.1.5 ready serving"
  std::vector<std::string> endpoints() const {
    std::vector<std::string> texts;
    for (const auto& [key, slice] : slices_) {
      for (const kube::Endpoint& endpoint : slice.endpoints) {
        texts.push_back(endpoint.addresses.at(0) + (endpoint.ready ? " ready" : "") +
                        (endpoint.serving ? " serving" : "") + (endpoint.terminating ? " terminating" : ""));
      }
    }
    return texts;
  }
  static std::string ports_of(const kube::EndpointSlice& slice) {
    std::string text;
    for (const kube::EndpointPort& port : slice.ports) {
      text += (text.empty() ? "" : " ") + port.name + ":" + std::to_string(port.port) + "/" + port.protocol;
    }
    return text;
  }

  kube::Service service_;
  Pods pods_;
  Nodes nodes_ = by_key<kube::Node>({node("w1"), node("w2")});
  Slices slices_;
  std::map<std::string, Object> stored_;
};

TEST_F(SlicesTest, SayWhereThePodsAre) {
  use_pods({running_pod("a", "w1", "10.244.1.5"), running_pod("b", "w2", "10.244.2.6")});
  Decision decision = decide();
  ASSERT_EQ(decision.changes.size(), 1u);
  const Object& slice = decision.changes[0].body;
  EXPECT_THAT(decision.changes[0].name, MatchesRegex("web-[a-z0-9]{5}"));
  EXPECT_EQ(kube::text_at(slice, "addressType"), "IPv4");
  kube::StringMap labels = kube::string_map_at(slice, "metadata.labels");
  EXPECT_THAT(labels, UnorderedElementsAre(
                          std::pair("kubernetes.io/service-name", "web"), std::pair("team", "a"),
                          std::pair("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io")));
  const Object& owner = kube::array_at(slice, "metadata.ownerReferences").at(0).as_object();
  EXPECT_EQ(kube::text_at(owner, "kind"), "Service");
  EXPECT_EQ(kube::text_at(owner, "uid"), "uid-web");
  EXPECT_EQ(boost::json::serialize(kube::array_at(slice, "endpoints").at(0)),
            R"({"addresses":["10.244.1.5"],"conditions":{"ready":true,"serving":true,"terminating":false},)"
            R"("nodeName":"w1","targetRef":{"kind":"Pod","namespace":"default","name":"a","uid":"uid-a"}})");
  settle();
  EXPECT_EQ(ports_of(only_slice()), "http:8080/TCP");
}

TEST_F(SlicesTest, LeaveOutPodsThatCannotServe) {
  kube::Pod without_address = running_pod("a", "w1"), ended = running_pod("b", "w1"), others = running_pod("c", "w1"),
            elsewhere = running_pod("d", "w1");
  without_address.pod_ips.clear();
  ended.phase = "Succeeded";
  others.metadata.labels = {{"app", "db"}};
  elsewhere.metadata.namespace_name = "other";
  use_pods({without_address, ended, others, elsewhere, running_pod("e", "w1", "10.244.1.9")});
  settle();
  EXPECT_THAT(endpoints(), ElementsAre("10.244.1.9 ready serving"));
}

TEST_F(SlicesTest, TellReadyServingAndTerminatingApart) {
  use_pods({running_pod("a", "w1", "10.244.1.1"), unready(running_pod("b", "w1", "10.244.1.2")),
            terminating(running_pod("c", "w1", "10.244.1.3")),
            terminating(unready(running_pod("d", "w1", "10.244.1.4")))});
  settle();
  EXPECT_THAT(endpoints(), ElementsAre("10.244.1.1 ready serving", "10.244.1.2", "10.244.1.3 serving terminating",
                                       "10.244.1.4 terminating"));
  service_.publish_not_ready_addresses = true;
  settle();
  EXPECT_THAT(endpoints(), ElementsAre("10.244.1.1 ready serving", "10.244.1.2 ready",
                                       "10.244.1.3 ready serving terminating", "10.244.1.4 ready terminating"));
}

TEST_F(SlicesTest, PodsOfALostNodeAreNotReady) {
  use_pods({running_pod("a", "w1", "10.244.1.1"), running_pod("b", "w2", "10.244.2.1"),
            running_pod("c", "gone", "10.244.3.1")});
  nodes_["w2"] = node("w2", "Unknown");
  settle();
  EXPECT_THAT(endpoints(), ElementsAre("10.244.1.1 ready serving", "10.244.2.1", "10.244.3.1"));
}

TEST_F(SlicesTest, ResolveNamedPortsPodByPod) {
  service_.ports = {{"http", "TCP", 80, {0, "web"}, 0}, {"dns", "UDP", 53, {0, "dns"}, 0}};
  kube::Pod first = running_pod("a", "w1", "10.244.1.1"), second = running_pod("b", "w1", "10.244.1.2");
  first.containers.resize(2);
  first.containers[0].ports = {{"dns", "TCP", 53, 0}};  // not of the Service's protocol
  first.containers[1].ports = {{"web", "TCP", 8080, 0}};
  second.containers.resize(1);
  second.containers[0].ports = {{"web", "TCP", 9090, 0}, {"dns", "UDP", 5353, 0}};
  use_pods({first, second});
  settle();
  std::map<std::string, std::string> ports;
  for (const auto& [key, slice] : slices_) ports[slice.endpoints.at(0).target_name] = ports_of(slice);
  EXPECT_EQ(ports["a"], "http:8080/TCP");
  EXPECT_EQ(ports["b"], "dns:5353/UDP http:9090/TCP");
}

TEST_F(SlicesTest, FollowChangesInPlace) {
  use_pods({running_pod("a", "w1", "10.244.1.1"), running_pod("b", "w1", "10.244.1.2")});
  settle();
  std::string name = only_slice().metadata.name;
  use_pods({running_pod("b", "w1", "10.244.1.2"), running_pod("a2", "w1", "10.244.1.3")});
  ASSERT_THAT(texts_of(decide()), ElementsAre(HasSubstr("patch endpointslices default/" + name)));
  EXPECT_EQ(decide().changes[0].patch_type, kube::PatchType::merge);
  settle();
  EXPECT_THAT(endpoints(), ElementsAre("10.244.1.2 ready serving", "10.244.1.3 ready serving"))
      << "those that were there keep their place";
  use_pods({});
  settle();
  EXPECT_EQ(only_slice().metadata.name, name) << "an empty slice says that there is nobody";
  EXPECT_THAT(endpoints(), IsEmpty());
  use_pods({running_pod("c", "w1", "10.244.1.4")});
  settle();
  EXPECT_EQ(only_slice().metadata.name, name);
  EXPECT_EQ(ports_of(only_slice()), "http:8080/TCP");
}

TEST_F(SlicesTest, HoldAtMostAHundredEndpoints) {
  std::vector<kube::Pod> pods;
  for (int number = 0; number < 250; ++number) {
    std::string text = std::to_string(number);
    pods.push_back(running_pod("p" + text, "w1", "10.244.1." + text));
  }
  use_pods(pods);
  settle();
  EXPECT_EQ(slices_.size(), 3u);
  EXPECT_EQ(endpoints().size(), 250u);
  for (const auto& [key, slice] : slices_) EXPECT_LE(slice.endpoints.size(), 100u);
  // One pod less changes one slice; one more fills the gap.
  pods.erase(pods.begin() + 7);
  use_pods(pods);
  EXPECT_EQ(decide().changes.size(), 1u);
  settle();
  pods.push_back(running_pod("q", "w1", "10.244.2.1"));
  use_pods(pods);
  EXPECT_EQ(decide().changes.size(), 1u);
  settle();
  EXPECT_EQ(slices_.size(), 3u);
  pods.resize(5);
  use_pods(pods);
  settle();
  EXPECT_EQ(endpoints().size(), 5u);
}

TEST_F(SlicesTest, OfADualStackServiceAreOfBothFamilies) {
  service_.ip_families = {"IPv4", "IPv6"};
  kube::Pod both = running_pod("a", "w1");
  both.pod_ips = {"10.244.1.1", "fd00:10:244:1::1"};
  use_pods({both});
  settle();
  EXPECT_THAT(endpoints(), UnorderedElementsAre("10.244.1.1 ready serving", "fd00:10:244:1::1 ready serving"));
  std::set<std::string> types;
  for (const auto& [key, slice] : slices_) types.insert(slice.address_type);
  EXPECT_THAT(types, ElementsAre("IPv4", "IPv6"));
}

TEST_F(SlicesTest, OfAHeadlessServiceAreMarkedAndNameTheirHosts) {
  service_.cluster_ip = "None";
  kube::Pod named = running_pod("a", "w1");
  named.hostname = "db-0";
  named.subdomain = "web";
  use_pods({named});
  settle();
  EXPECT_EQ(only_slice().metadata.labels.count("service.kubernetes.io/headless"), 1u);
  EXPECT_EQ(only_slice().endpoints.at(0).hostname, "db-0");
  service_.cluster_ip = "10.96.0.10";
  service_.metadata.labels["service.kubernetes.io/headless"] = "";  // by which proxies would pass them over
  settle();
  EXPECT_EQ(only_slice().metadata.labels.count("service.kubernetes.io/headless"), 0u);
}

TEST_F(SlicesTest, GoWithTheirService) {
  use_pods({running_pod("a", "w1")});
  settle();
  std::string name = only_slice().metadata.name;
  EXPECT_THAT(texts_of(reconcile_slices("default/web", nullptr, pods_, nodes_, slices_)),
              ElementsAre("remove endpointslices default/" + name));
  // One of the same name that came since needs its own.
  service_.metadata.uid = "uid-later";
  Decision decision = decide();
  ASSERT_EQ(decision.changes.size(), 2u);
  EXPECT_NE(decision.changes[0].name, name);
  EXPECT_EQ(text_of(decision.changes[1]), "remove endpointslices default/" + name);
}

TEST_F(SlicesTest, ThatOthersManageAreLeftAlone) {
  use_pods({running_pod("a", "w1")});
  settle();
  stored_.begin()->second["metadata"].as_object()["labels"].as_object()["endpointslice.kubernetes.io/managed-by"] =
      "me";
  slices_.begin()->second = kube::EndpointSlice::parse(stored_.begin()->second);
  EXPECT_THAT(texts_of(reconcile_slices("default/web", nullptr, pods_, nodes_, slices_)), IsEmpty());
  EXPECT_THAT(texts_of(decide()), ElementsAre(HasSubstr("create endpointslices default/web-")));
}

TEST_F(SlicesTest, AreWrittenByHandForServicesWithoutSelector) {
  service_.selector.clear();
  EXPECT_THAT(decide().changes, IsEmpty());
  service_.selector = {{"app", "web"}};
  service_.type = "ExternalName";
  EXPECT_THAT(decide().changes, IsEmpty());
}

TEST_F(SlicesTest, HaveTheSameNamesAfterARestart) {
  use_pods({running_pod("a", "w1")});
  std::string first = decide().changes.at(0).name;
  EXPECT_EQ(decide().changes.at(0).name, first);
  settle();
  slices_.clear();
  EXPECT_EQ(decide().changes.at(0).name, first);
}

}  // namespace
}  // namespace controller
