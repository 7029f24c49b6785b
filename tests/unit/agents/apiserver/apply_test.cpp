// Server-side apply.
#include "tests/unit/agents/apiserver/fixture.h"

namespace apiserver {
namespace {

using kube::number_at;
using kube::text_at;
using ::testing::HasSubstr;

class ApplyTest : public RegistryTest {
 protected:
  Object apply(const std::string& collection, const std::string& name, const std::string& text,
               const std::string& manager = "me") {
    bool created = false;
    Object object = registry_.patch(target(collection, name), kube::PatchType::apply, boost::json::parse(text), false,
                                    created, manager);
    created_ = created;
    return object;
  }
  Object apply_map(const std::string& data, const std::string& manager = "me") {
    return apply("configmaps", "m", R"({"data":)" + data + "}", manager);
  }
  static std::string data_of(const Object& map) { return boost::json::serialize(kube::object_at(map, "data")); }

  // A Deployment with this pod, and these members of its spec.
  Object apply_deployment(const std::string& container, const std::string& more = {}) {
    return apply("deployments.apps", "d",
                 R"({"spec":{)" + more + R"("selector":{"matchLabels":{"a":"b"}},"template":{
      "metadata":{"labels":{"a":"b"}},"spec":{"containers":[)" +
                     container + "]}}}}");
  }
  static const boost::json::array& containers_of(const Object& deployment) {
    return kube::array_at(deployment, "spec.template.spec.containers");
  }

  bool created_ = false;
};

TEST_F(ApplyTest, CreatesWhatDoesNotExist) {
  Object map = apply_map(R"({"a":"1"})");
  EXPECT_TRUE(created_);
  EXPECT_EQ(text_at(map, "metadata.name"), "m");
  apply_map(R"({"a":"2"})");
  EXPECT_FALSE(created_);
}

TEST_F(ApplyTest, TakesAwayWhatTheConfigurationSaysNoMore) {
  apply("configmaps", "m", R"({"metadata":{"labels":{"x":"y"}},"data":{"a":"1","b":"2"}})");
  Object map = apply_map(R"({"b":"3"})");
  EXPECT_EQ(data_of(map), R"({"b":"3"})");
  EXPECT_TRUE(kube::string_map_at(map, "metadata.labels").empty());
}

TEST_F(ApplyTest, LeavesWhatOthersApplied) {
  apply_map(R"({"a":"1","shared":"x"})");
  EXPECT_EQ(data_of(apply_map(R"({"b":"2","shared":"x"})", "other")), R"({"a":"1","shared":"x","b":"2"})");
  EXPECT_EQ(data_of(apply_map("{}")), R"({"shared":"x","b":"2"})");
  EXPECT_EQ(data_of(apply_map("{}", "other")), "{}");
}

TEST_F(ApplyTest, LeavesWhatWasThereBefore) {
  create("configmaps", R"({"metadata":{"name":"m"},"data":{"a":"1"}})");
  apply_map(R"({"a":"1","b":"2"})");
  EXPECT_EQ(data_of(apply_map("{}")), R"({"a":"1"})");
}

// kubectl notes what it applied, and may go over to --server-side later.
TEST_F(ApplyTest, GoesOnFromAClientSideApply) {
  create("configmaps", R"({"metadata":{"name":"m","annotations":{"kubectl.kubernetes.io/last-applied-configuration":
    "{\"data\":{\"a\":\"1\",\"b\":\"2\"}}"}},"data":{"a":"1","b":"2","others":"3"}})");
  apply_map(R"({"a":"1","b":"2","others":"3"})");
  EXPECT_EQ(data_of(apply_map(R"({"a":"1"})")), R"({"a":"1","others":"3"})");
}

// As after `kubectl scale`: to hand replicas over, one leaves it out.
TEST_F(ApplyTest, LeavesWhatWasChangedSinceByOtherMeans) {
  const char* container = R"({"name":"c","image":"i"})";
  apply_deployment(container, R"("replicas":2,)");
  patch(target("deployments.apps", "d", "scale"), R"({"spec":{"replicas":5}})", kube::PatchType::merge);
  EXPECT_EQ(number_at(apply_deployment(container), "spec.replicas"), 5);
}

TEST_F(ApplyTest, AnEmptyMapDoesNotOwnWhatIsInIt) {
  apply_map(R"({"mine":"1"})");
  patch(target("configmaps", "m"), R"({"data":{"a":"1"}})");
  EXPECT_EQ(data_of(apply_map("{}")), R"({"a":"1"})");
  EXPECT_EQ(data_of(apply("configmaps", "m", "{}")), R"({"a":"1"})");
}

TEST_F(ApplyTest, TakesElementsOutOfListsByTheirKeys) {
  apply_deployment(R"({"name":"c","image":"i","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}],
    "ports":[{"containerPort":53},{"containerPort":53,"protocol":"UDP"}]},{"name":"side","image":"i"})");
  Object deployment = apply_deployment(R"({"name":"c","image":"i","env":[{"name":"Y","value":"2"}],
    "ports":[{"containerPort":53,"protocol":"UDP"}]})");
  ASSERT_EQ(containers_of(deployment).size(), 1u);
  const Object& container = containers_of(deployment)[0].as_object();
  EXPECT_EQ(boost::json::serialize(container.at("env")), R"([{"name":"Y","value":"2"}])");
  EXPECT_EQ(boost::json::serialize(container.at("ports")), R"([{"containerPort":53,"protocol":"UDP"}])");
}

TEST_F(ApplyTest, KeepsTwoProtocolsOfOnePortApart) {
  const char* dns = R"({"spec":{"ports":[{"name":"t","port":53},{"name":"u","port":53,"protocol":"UDP"}]}})";
  apply("services", "dns", dns);
  Object service = apply("services", "dns", dns);
  ASSERT_EQ(kube::array_at(service, "spec.ports").size(), 2u);
  EXPECT_EQ(text_at(kube::array_at(service, "spec.ports")[0].as_object(), "protocol"), "TCP");
}

TEST_F(ApplyTest, TheSameAgainIsNoEvent) {
  apply_map(R"({"a":"1"})");
  uint64_t version = store_.version();
  apply_map(R"({"a":"1"})");
  EXPECT_EQ(store_.version(), version);
}

TEST_F(ApplyTest, SaysWhoSetWhatAsKubernetesDoes) {
  Object map = apply("configmaps", "m", R"({"metadata":{"finalizers":["x/y"]},"data":{"a":"1"}})", "kubectl");
  patch(target("configmaps", "m"), R"({"metadata":{"managedFields":[]}})", kube::PatchType::merge);
  map = registry_.get(target("configmaps", "m"));
  const auto& entries = kube::array_at(map, "metadata.managedFields");
  ASSERT_EQ(entries.size(), 1u);
  const Object& entry = entries[0].as_object();
  EXPECT_EQ(text_at(entry, "manager"), "kubectl");
  EXPECT_EQ(text_at(entry, "operation"), "Apply");
  EXPECT_EQ(text_at(entry, "fieldsType"), "FieldsV1");
  EXPECT_EQ(entry.at("fieldsV1"),
            boost::json::parse(R"({"f:metadata":{"f:finalizers":{"v:\"x/y\"":{}}},"f:data":{"f:a":{}}})"));
}

TEST_F(ApplyTest, RefusesWhatIsNoConfiguration) {
  EXPECT_THAT(refusal([&] { apply("configmaps", "m", R"({"metadata":{"managedFields":[]}})"); }),
              HasSubstr("400 metadata.managedFields must be nil"));
  EXPECT_THAT(refusal([&] { apply("configmaps", "m", "[]"); }), HasSubstr("is not an object"));
  EXPECT_THAT(refusal([&] { apply_deployment(R"({"image":"i"})"); }), HasSubstr("lacks its \"name\""));
}

}  // namespace
}  // namespace apiserver
