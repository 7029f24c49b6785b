#include "agents/apiserver/patch.h"

#include "agents/apiserver/status.h"
#include "tests/unit/agents/apiserver/fixture.h"

namespace apiserver {
namespace {

using Patch = Object (*)(Object, const boost::json::value&);

void expect(Patch patch, const std::string& object, const std::string& change, const std::string& result) {
  EXPECT_EQ(boost::json::value(patch(parse(object), boost::json::parse(change))), boost::json::parse(result))
      << change << " gave " << boost::json::serialize(patch(parse(object), boost::json::parse(change)));
}

TEST(MergePatch, FollowsRfc7386) {
  expect(merge_patch, R"({"a":{"b":1,"c":2},"l":[1,2]})", R"({"a":{"b":null,"d":3},"l":[9],"n":{"x":null,"y":1}})",
         R"({"a":{"c":2,"d":3},"l":[9],"n":{"y":1}})");
  EXPECT_THROW(merge_patch({}, boost::json::parse("[]")), StatusError);
}

TEST(JsonPatch, HasAllSixOperations) {
  const char* object = R"({"a":{"b":[1,2,3]},"x/y":{"~":1}})";
  expect(json_patch, object, R"([{"op":"add","path":"/a/b/1","value":9},{"op":"add","path":"/a/b/-","value":4}])",
         R"({"a":{"b":[1,9,2,3,4]},"x/y":{"~":1}})");
  expect(json_patch, object, R"([{"op":"remove","path":"/a/b/0"},{"op":"remove","path":"/x~1y/~0"}])",
         R"({"a":{"b":[2,3]},"x/y":{}})");
  expect(json_patch, object, R"([{"op":"test","path":"/a/b/0","value":1},{"op":"replace","path":"/a/b","value":5}])",
         R"({"a":{"b":5},"x/y":{"~":1}})");
  expect(json_patch, object, R"([{"op":"move","from":"/a/b","path":"/c"},{"op":"copy","from":"/c/0","path":"/d"}])",
         R"({"a":{},"x/y":{"~":1},"c":[1,2,3],"d":1})");
}

TEST(JsonPatch, RefusesWhatDoesNotFit) {
  for (const char* patch :
       {R"([{"op":"replace","path":"/missing","value":1}])", R"([{"op":"remove","path":"/a/7"}])",
        R"([{"op":"test","path":"/a/0","value":2}])", R"([{"op":"fly","path":"/a"}])", R"([{"op":"add","path":"a"}])",
        R"([{"op":"add","path":"/a/01x","value":1}])", R"({"op":"add"})", R"([{"op":"remove","path":""}])"}) {
    EXPECT_THROW(json_patch(parse(R"({"a":[1]})"), boost::json::parse(patch)), StatusError) << patch;
  }
}

TEST(StrategicMerge, MergesContainersByNameAndTheirLists) {
  expect(
      strategic_merge_patch,
      R"({"spec":{"containers":[{"name":"a","image":"1","env":[{"name":"X","value":"1"}],"args":["x"]},{"name":"b"}]}})",
      R"({"spec":{"containers":[{"name":"a","image":"2","args":["y"],"env":[{"name":"Y","value":"2"}]},{"name":"c"}]}})",
      R"({"spec":{"containers":[{"name":"a","image":"2","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}],
             "args":["y"]},{"name":"b"},{"name":"c"}]}})");
}

TEST(StrategicMerge, PortsOfServicesAndContainersHaveDifferentKeys) {
  expect(strategic_merge_patch, R"({"spec":{"ports":[{"port":80,"nodePort":30080},{"port":81}]}})",
         R"({"spec":{"ports":[{"port":80,"name":"http"},{"port":82}]}})",
         R"({"spec":{"ports":[{"port":80,"nodePort":30080,"name":"http"},{"port":81},{"port":82}]}})");
  expect(strategic_merge_patch,
         R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":80,"protocol":"TCP"}]}]}})",
         R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":80,"name":"http"}]}]}})",
         R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":80,"protocol":"TCP","name":"http"}]}]}})");
}

TEST(StrategicMerge, ConditionsAreMergedByType) {
  expect(
      strategic_merge_patch,
      R"({"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"NetworkUnavailable","status":"True"}]}})",
      R"({"status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"FlannelIsUp"}]}})",
      R"({"status":{"conditions":[{"type":"Ready","status":"True"},
             {"type":"NetworkUnavailable","status":"False","reason":"FlannelIsUp"}]}})");
}

TEST(StrategicMerge, OtherListsAreReplaced) {
  expect(strategic_merge_patch, R"({"endpoints":[{"addresses":["1"]}],"ports":[{"port":1}]})",
         R"({"endpoints":[{"addresses":["2"]}],"ports":[{"port":2}]})",
         R"({"endpoints":[{"addresses":["2"]}],"ports":[{"port":2}]})");
}

TEST(StrategicMerge, DirectivesDeleteReplaceAndOrder) {
  expect(strategic_merge_patch, R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})",
         R"({"spec":{"containers":[{"name":"a","$patch":"delete"}]}})", R"({"spec":{"containers":[{"name":"b"}]}})");
  expect(strategic_merge_patch, R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})",
         R"({"spec":{"containers":[{"$patch":"replace"},{"name":"c"}]}})", R"({"spec":{"containers":[{"name":"c"}]}})");
  expect(strategic_merge_patch, R"({"spec":{"a":1,"b":2}})", R"({"spec":{"$patch":"replace","c":3}})",
         R"({"spec":{"c":3}})");
  expect(strategic_merge_patch, R"({"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}})",
         R"({"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}})",
         R"({"spec":{"strategy":{"type":"Recreate"}}})");
  expect(strategic_merge_patch, R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})",
         R"({"spec":{"$setElementOrder/containers":[{"name":"c"},{"name":"b"}],"containers":[{"name":"c"}]}})",
         R"({"spec":{"containers":[{"name":"c"},{"name":"b"},{"name":"a"}]}})");
  expect(strategic_merge_patch, R"({"metadata":{"finalizers":["a","b"]}})",
         R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c","b"]}})",
         R"({"metadata":{"finalizers":["b","c"]}})");
}

TEST(StrategicMerge, AnElementWithoutItsKeyIsRefused) {
  EXPECT_THROW(strategic_merge_patch({}, boost::json::parse(R"({"spec":{"containers":[{"image":"x"}]}})")),
               StatusError);
}

}  // namespace
}  // namespace apiserver
