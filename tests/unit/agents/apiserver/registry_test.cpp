#include "tests/unit/agents/apiserver/fixture.h"

namespace apiserver {
namespace {

using kube::number_at;
using kube::text_at;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* pod = R"({"metadata":{"name":"p","labels":{"app":"web"}},
  "spec":{"containers":[{"name":"c","image":"echo"}]}})";
constexpr const char* scheduled_pod = R"({"metadata":{"name":"p"},
  "spec":{"nodeName":"w1","containers":[{"name":"c","image":"echo"}]}})";
constexpr const char* deployment = R"({"metadata":{"name":"web"},"spec":{"replicas":2,
  "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
  "spec":{"containers":[{"name":"c","image":"echo"}]}}}})";

TEST_F(RegistryTest, AClusterHasItsNamespacesAndItsOwnService) {
  for (const char* name : {"default", "kube-system", "kube-node-lease", "kube-public"}) {
    EXPECT_TRUE(exists("namespaces", name)) << name;
  }
  Object service = registry_.get(target("services", "kubernetes"));
  EXPECT_EQ(text_at(service, "spec.clusterIP"), "10.108.0.1");
  EXPECT_TRUE(exists("endpointslices.discovery.k8s.io", "default/kubernetes"));
}

TEST_F(RegistryTest, CreateFillsInWhatTheServerOwns) {
  Object object = create("pods", pod);
  EXPECT_EQ(text_at(object, "apiVersion"), "v1");
  EXPECT_EQ(text_at(object, "metadata.namespace"), "default");
  EXPECT_EQ(text_at(object, "metadata.uid").size(), 36u);
  EXPECT_EQ(text_at(object, "status.phase"), "Pending");
  EXPECT_EQ(text_at(object, "spec.restartPolicy"), "Always");
  EXPECT_EQ(number_at(object, "spec.terminationGracePeriodSeconds"), 30);
}

TEST_F(RegistryTest, GenerateNameMakesDifferentNames) {
  const char* text = R"({"metadata":{"generateName":"p-"},"spec":{"containers":[{"name":"c","image":"echo"}]}})";
  std::string first = text_at(create("pods", text), "metadata.name");
  std::string second = text_at(create("pods", text), "metadata.name");
  EXPECT_EQ(first.size(), 7u);
  EXPECT_NE(first, second);
}

TEST_F(RegistryTest, RefusalsHaveKubernetesWords) {
  create("pods", pod);
  EXPECT_EQ(refusal([&] { create("pods", pod); }), "409 pods \"p\" already exists");
  EXPECT_EQ(refusal([&] { registry_.get(target("pods", "q")); }), "404 pods \"q\" not found");
  EXPECT_EQ(refusal([&] { registry_.get(target("deployments.apps", "q")); }), "404 deployments.apps \"q\" not found");
  EXPECT_EQ(refusal([&] {
              registry_.create({&kind("pods"), "nowhere", "", ""}, parse(pod));
            }),
            "404 namespaces \"nowhere\" not found");
  EXPECT_THAT(
      refusal([&] { create("pods", R"({"metadata":{"name":"Bad_Name"},"spec":{}})"); }),
      HasSubstr("Pod \"Bad_Name\" is invalid: [metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 "
                "subdomain must consist of"));
  EXPECT_THAT(refusal([&] { create("services", R"({"metadata":{"name":"1a"},"spec":{"ports":[{"port":80}]}})"); }),
              HasSubstr("a DNS-1035 label must consist of"));
  EXPECT_EQ(refusal([&] { create("pods", R"({"kind":"Service","metadata":{"name":"x"}})"); }),
            "400 the kind in the data (Service) does not match the expected kind (Pod)");
}

TEST_F(RegistryTest, AnUpdateFromAnOldStateIsAConflict) {
  Object object = create("services", R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}})");
  patch(target("services", "s"), R"({"metadata":{"labels":{"a":"b"}}})");
  EXPECT_EQ(refusal([&] { registry_.update(target("services", "s"), object); }),
            "409 Operation cannot be fulfilled on services \"s\": the object has been modified; please apply your "
            "changes to the latest version and try again");
  object["metadata"].as_object().erase("resourceVersion");
  EXPECT_EQ(refusal([&] { registry_.update(target("services", "s"), object); }), "");
}

TEST_F(RegistryTest, AnUpdateThatChangesNothingIsNoEvent) {
  Object object = create("pods", pod);
  uint64_t version = store_.version();
  registry_.update(target("pods", "p"), object);
  patch(target("pods", "p"), R"({"metadata":{"labels":{"app":"web"}}})");
  EXPECT_EQ(store_.version(), version);
}

TEST_F(RegistryTest, StatusAndSpecAreWrittenApart) {
  Object object = create("deployments.apps", deployment);
  Object sent = object;
  sent["status"] = parse(R"({"readyReplicas":2})");
  sent["spec"].as_object()["replicas"] = 7;
  Object after = registry_.update(target("deployments.apps", "web", "status"), sent);
  EXPECT_EQ(number_at(after, "status.readyReplicas"), 2);
  EXPECT_EQ(number_at(after, "spec.replicas"), 2);
  after = patch(target("deployments.apps", "web"), R"({"spec":{"replicas":3},"status":{"readyReplicas":9}})");
  EXPECT_EQ(number_at(after, "status.readyReplicas"), 2);
  EXPECT_EQ(number_at(after, "spec.replicas"), 3);
}

TEST_F(RegistryTest, ANodeStatusPatchMayAnnotate) {
  create("nodes", R"({"metadata":{"name":"w1"}})");
  Object node = patch(target("nodes", "w1", "status"),
                      R"({"metadata":{"annotations":{"flannel.alpha.coreos.com/public-ip":"1.2.3.4"}},
                          "status":{"conditions":[{"type":"NetworkUnavailable","status":"False"}]}})");
  EXPECT_EQ(kube::string_map_at(node, "metadata.annotations").size(), 1u);
  EXPECT_EQ(kube::array_at(node, "status.conditions").size(), 1u);
}

TEST_F(RegistryTest, GenerationCountsChangesOfTheSpec) {
  create("deployments.apps", deployment);
  Target web = target("deployments.apps", "web");
  EXPECT_EQ(number_at(patch(web, R"({"metadata":{"labels":{"a":"b"}}})"), "metadata.generation"), 1);
  EXPECT_EQ(number_at(patch(web, R"({"spec":{"replicas":5}})"), "metadata.generation"), 2);
}

TEST_F(RegistryTest, ScaleReadsAndWritesReplicas) {
  create("deployments.apps", deployment);
  Target scale = target("deployments.apps", "web", "scale");
  EXPECT_EQ(number_at(registry_.get(scale), "spec.replicas"), 2);
  EXPECT_EQ(text_at(registry_.get(scale), "status.selector"), "app=web");
  patch(scale, R"({"spec":{"replicas":4}})", kube::PatchType::merge);
  EXPECT_EQ(number_at(registry_.get(target("deployments.apps", "web")), "spec.replicas"), 4);
  EXPECT_THAT(refusal([&] { patch(scale, R"({"spec":{"replicas":-1}})"); }), StartsWith("422"));
}

// One that does not would have pods made for ever.
TEST_F(RegistryTest, WhatMakesPodsMustSelectItsTemplateForEver) {
  for (const char* collection : {"deployments.apps", "replicasets.apps"}) {
    auto create_with = [&](const std::string& spec) {
      return refusal([&] { create(collection, R"({"metadata":{"name":"x"},"spec":)" + spec + "}"); });
    };
    const std::string pod_template =
        R"("template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[{"name":"c","image":"i"}]}})";
    EXPECT_THAT(create_with(R"({"selector":{"matchLabels":{"a":"b"}},)" + pod_template + "}"),
                HasSubstr("`selector` does not match template `labels`"));
    EXPECT_THAT(create_with("{" + pod_template + "}"), HasSubstr("spec.selector: Required value"));
    EXPECT_THAT(create_with(R"({"selector":{},)" + pod_template + "}"), HasSubstr("empty selector is invalid"));
    EXPECT_THAT(create_with(R"({"replicas":-1,"selector":{"matchLabels":{"a":"c"}},)" + pod_template + "}"),
                HasSubstr("spec.replicas: Invalid value: -1"));
    EXPECT_THAT(create_with(R"({"selector":{"matchLabels":{"a":"c"}},"template":{"metadata":{"labels":{"a":"c"}}}})"),
                HasSubstr("spec.template.spec.containers: Required value"));
    create(collection, deployment);
    EXPECT_THAT(
        refusal([&] {
          patch(target(collection, "web"),
                R"({"spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}}}}})");
        }),
        HasSubstr("field is immutable"))
        << collection;
  }
}

TEST_F(RegistryTest, ARunningPodsSpecCannotChange) {
  create("pods", scheduled_pod);
  EXPECT_THAT(refusal([&] { patch(target("pods", "p"), R"({"spec":{"hostNetwork":true}})"); }),
              HasSubstr("pod updates may not change fields other than"));
  EXPECT_EQ(refusal([&] { patch(target("pods", "p"), R"({"spec":{"containers":[{"name":"c","image":"new"}]}})"); }),
            "");
}

TEST_F(RegistryTest, BindingPutsAPodOnANodeOnce) {
  create("pods", pod);
  registry_.create(target("pods", "p", "binding"), parse(R"({"target":{"name":"w1"}})"));
  EXPECT_EQ(text_at(registry_.get(target("pods", "p")), "spec.nodeName"), "w1");
  EXPECT_THAT(refusal([&] { registry_.create(target("pods", "p", "binding"), parse(R"({"target":{"name":"w2"}})")); }),
              HasSubstr("is already assigned to node"));
}

TEST_F(RegistryTest, APodOnANodeStaysUntilItsNodeletLetsGo) {
  create("pods", scheduled_pod);
  Object answer = registry_.remove(target("pods", "p"), {});
  EXPECT_EQ(text_at(answer, "kind"), "Pod");
  Object dying = registry_.get(target("pods", "p"));
  EXPECT_NE(kube::find(dying, "metadata.deletionTimestamp"), nullptr);
  EXPECT_EQ(number_at(dying, "metadata.deletionGracePeriodSeconds"), 30);
  uint64_t version = store_.version();
  registry_.remove(target("pods", "p"), {});
  EXPECT_EQ(store_.version(), version) << "a second delete changes nothing";
  DeleteOptions now;
  now.grace_seconds = 0;
  registry_.remove(target("pods", "p"), now);
  EXPECT_FALSE(exists("pods", "default/p"));
}

// As `kubectl drain --dry-run=server` and `--grace-period` send it.
TEST_F(RegistryTest, AnEvictionDoesWhatItsDeleteOptionsSay) {
  create("pods", scheduled_pod);
  Target eviction = target("pods", "p", "eviction");
  uint64_t version = store_.version();
  registry_.create(eviction, parse(R"({"deleteOptions":{"dryRun":["All"]}})"));
  registry_.create(eviction, parse("{}"), true);
  EXPECT_THAT(refusal([&] {
                registry_.create(eviction, parse(R"({"deleteOptions":{"preconditions":{"uid":"of another"}}})"));
              }),
              StartsWith("409"));
  EXPECT_EQ(store_.version(), version);
  registry_.create(eviction, parse(R"({"deleteOptions":{"gracePeriodSeconds":5}})"));
  EXPECT_EQ(number_at(registry_.get(target("pods", "p")), "metadata.deletionGracePeriodSeconds"), 5);
}

TEST_F(RegistryTest, APodWithoutANodeOrThatHasEndedGoesAtOnce) {
  create("pods", pod);
  EXPECT_EQ(text_at(registry_.remove(target("pods", "p"), {}), "status"), "Success");
  EXPECT_FALSE(exists("pods", "default/p"));
  create("pods", scheduled_pod);
  patch(target("pods", "p", "status"), R"({"status":{"phase":"Failed"}})");
  registry_.remove(target("pods", "p"), {});
  EXPECT_FALSE(exists("pods", "default/p"));
}

TEST_F(RegistryTest, FinalizersHoldAnObject) {
  create("configmaps", R"({"metadata":{"name":"c","finalizers":["x/y"]}})");
  registry_.remove(target("configmaps", "c"), {});
  ASSERT_TRUE(exists("configmaps", "default/c"));
  patch(target("configmaps", "c"), R"({"metadata":{"finalizers":null}})", kube::PatchType::merge);
  EXPECT_FALSE(exists("configmaps", "default/c"));
}

TEST_F(RegistryTest, WhatAnObjectOwnsGoesWithIt) {
  Object owner = create("deployments.apps", deployment);
  std::string uid = text_at(owner, "metadata.uid");
  create("pods", R"({"metadata":{"name":"owned","ownerReferences":[{"kind":"Deployment","name":"web","uid":")" + uid +
                     R"("}]},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  create("pods", pod);
  registry_.remove(target("deployments.apps", "web"), {});
  EXPECT_FALSE(exists("pods", "default/owned"));
  EXPECT_TRUE(exists("pods", "default/p"));
}

TEST_F(RegistryTest, AnObjectGoesWithTheLastOfItsOwners) {
  auto uid_of = [&](const std::string& name) {
    return text_at(create("configmaps", R"({"metadata":{"name":")" + name + R"("}})"), "metadata.uid");
  };
  std::string first = uid_of("first"), second = uid_of("second");
  create("configmaps", R"({"metadata":{"name":"owned","ownerReferences":[{"uid":")" + first + R"("},{"uid":")" +
                           second + R"("},{"uid":"long gone"}]}})");
  registry_.remove(target("configmaps", "first"), {});
  ASSERT_TRUE(exists("configmaps", "default/owned"));
  Object owned = registry_.get(target("configmaps", "owned"));
  ASSERT_EQ(kube::array_at(owned, "metadata.ownerReferences").size(), 1u) << "only the one that exists";
  EXPECT_EQ(text_at(kube::array_at(owned, "metadata.ownerReferences")[0].as_object(), "uid"), second);
  registry_.remove(target("configmaps", "second"), {});
  EXPECT_FALSE(exists("configmaps", "default/owned"));
}

TEST_F(RegistryTest, OrphansStayAndForgetTheirOwner) {
  std::string uid = text_at(create("deployments.apps", deployment), "metadata.uid");
  create("pods", R"({"metadata":{"name":"owned","ownerReferences":[{"uid":")" + uid +
                     R"("}]},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  DeleteOptions options;
  options.orphan = true;
  registry_.remove(target("deployments.apps", "web"), options);
  ASSERT_TRUE(exists("pods", "default/owned"));
  EXPECT_EQ(kube::find(registry_.get(target("pods", "owned")), "metadata.ownerReferences"), nullptr);
}

TEST_F(RegistryTest, ANamespaceGoesWhenItIsEmpty) {
  registry_.create(target("namespaces", ""), parse(R"({"metadata":{"name":"n"}})"));
  registry_.create({&kind("pods"), "n", "", ""}, parse(scheduled_pod));
  registry_.create({&kind("configmaps"), "n", "", ""}, parse(R"({"metadata":{"name":"c"}})"));
  registry_.remove(target("namespaces", "n"), {});
  EXPECT_FALSE(exists("configmaps", "n/c"));
  ASSERT_TRUE(exists("namespaces", "n"));
  EXPECT_EQ(text_at(registry_.get(target("namespaces", "n")), "status.phase"), "Terminating");
  EXPECT_THAT(refusal([&] {
                registry_.create({&kind("configmaps"), "n", "", ""}, parse(R"({"metadata":{"name":"d"}})"));
              }),
              HasSubstr("because it is being terminated"));
  DeleteOptions now;
  now.grace_seconds = 0;
  registry_.remove({&kind("pods"), "n", "p", ""}, now);
  EXPECT_FALSE(exists("namespaces", "n"));
  EXPECT_THAT(refusal([&] { registry_.remove(target("namespaces", "default"), {}); }), StartsWith("403"));
}

TEST_F(RegistryTest, ListsAreFilteredByNamespaceLabelAndField) {
  create("pods", pod);
  create("pods", R"({"metadata":{"name":"q"},"spec":{"nodeName":"w1","containers":[{"name":"c","image":"i"}]}})");
  registry_.create({&kind("pods"), "kube-system", "", ""}, parse(pod));
  auto count = [&](Filter filter) { return registry_.list(kind("pods"), filter).size(); };
  EXPECT_EQ(count({}), 3u);
  EXPECT_EQ(count({"default", {}, {}}), 2u);
  EXPECT_EQ(count({"", kube::Selector::parse("app=web"), {}}), 2u);
  EXPECT_EQ(count({"", {}, kube::FieldSelector::parse("spec.nodeName=w1")}), 1u);
}

TEST_F(RegistryTest, EventsHaveTwoViews) {
  const Kind* group = find_kind("events.k8s.io", "v1", "events");
  ASSERT_NE(group, nullptr);
  registry_.create({group, "default", "", ""},
                   parse(R"({"metadata":{"name":"e"},"regarding":{"kind":"Node","name":"w1"},"note":"hello",
                             "reason":"Starting","type":"Normal"})"));
  Object core = registry_.get(target("events", "e"));
  EXPECT_EQ(text_at(core, "message"), "hello");
  EXPECT_EQ(text_at(core, "involvedObject.name"), "w1");
  EXPECT_EQ(text_at(registry_.get({group, "default", "e", ""}), "note"), "hello");
}

TEST_F(RegistryTest, EndpointsAreDerivedFromSlices) {
  create("services", R"({"metadata":{"name":"s"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})");
  create("endpointslices.discovery.k8s.io",
         R"({"metadata":{"name":"s-x","labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4",
             "ports":[{"port":8080}],"endpoints":[{"addresses":["10.244.1.5"]},
             {"addresses":["10.244.1.6"],"conditions":{"ready":false}}]})");
  Object endpoints = registry_.get(target("endpoints", "s"));
  const Object& subset = kube::array_at(endpoints, "subsets").at(0).as_object();
  EXPECT_EQ(kube::array_at(subset, "addresses").size(), 1u);
  EXPECT_EQ(kube::array_at(subset, "notReadyAddresses").size(), 1u);
}

TEST_F(RegistryTest, EndpointsWrittenByHandStay) {
  create("services", R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}})");
  EXPECT_FALSE(exists("endpoints", "default/s"));
  create("endpoints", R"({"metadata":{"name":"s"},"subsets":[{"addresses":[{"ip":"192.0.2.1"}]}]})");
  patch(target("services", "s"), R"({"metadata":{"labels":{"a":"b"}}})");
  EXPECT_EQ(kube::array_at(registry_.get(target("endpoints", "s")), "subsets").size(), 1u);
  registry_.remove(target("services", "s"), {});
  EXPECT_FALSE(exists("endpoints", "default/s"));
}

TEST_F(RegistryTest, EndpointsThatAJournalOfBeforeLacksAreMade) {
  create("services", R"({"metadata":{"name":"s"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})");
  store_.remove("endpoints", "default/s");
  Registry restarted(store_, {AddressRange("10.108.0.0/16"), PortRange{30000, 32767}});
  EXPECT_TRUE(exists("endpoints", "default/s"));
}

TEST_F(RegistryTest, DryRunLeavesNoTrace) {
  uint64_t version = store_.version();
  registry_.create(target("pods", ""), parse(pod), true);
  EXPECT_EQ(store_.version(), version);
  EXPECT_FALSE(exists("pods", "default/p"));
}

}  // namespace
}  // namespace apiserver
