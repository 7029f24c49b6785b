#include "lib/kube/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "lib/base/error.h"

namespace kube {
namespace {

using ::testing::HasSubstr;

std::string failure_of(const std::string& text) {
  try {
    read_manifests(text, "x.yaml");
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Manifests, SeveralDocumentsAndListsBecomeObjectsInOrder) {
  auto objects = read_manifests(
      "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n# nothing\n---\n"
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
      "- {apiVersion: v1, kind: Pod, metadata: {generateName: c-}}\n",
      "x.yaml");
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(text_at(objects[1], "metadata.name"), "b");
}

TEST(Manifests, JsonIsYaml) {
  auto objects = read_manifests(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"x":[1,true,null]})", "x");
  EXPECT_EQ(boost::json::serialize(objects[0].at("x")), "[1,true,null]");
}

TEST(Manifests, ScalarsHaveTheTypesOfYaml12) {
  auto object =
      parse_manifests(
          "{a: 80, b: '80', c: true, d: yes, e: ~, f: 1.5, g: 0644, h: 0x10, i: -3, j: 1.2.3, k: 1e3, l: \"\"}", "x")
          .front();
  EXPECT_EQ(
      boost::json::serialize(object),
      R"({"a":80,"b":"80","c":true,"d":"yes","e":null,"f":1.5E0,"g":420,"h":16,"i":-3,"j":"1.2.3","k":1E3,"l":""})");
}

TEST(Manifests, AliasesAreResolved) {
  auto object = parse_manifests("a: &x {b: 1}\nc: *x\n", "x").front();
  EXPECT_EQ(boost::json::serialize(object), R"({"a":{"b":1},"c":{"b":1}})");
}

TEST(Manifests, ErrorsNameFileAndPlace) {
  EXPECT_THAT(failure_of("a: [1\n"), HasSubstr("x.yaml:2:"));
  EXPECT_THAT(failure_of("apiVersion: v1\nkind: Pod\nkind: Pod\n"), HasSubstr("x.yaml:3:"));
  EXPECT_THAT(failure_of("kind: Pod\nmetadata: {name: a}\n"), HasSubstr("needs apiVersion and kind"));
  EXPECT_THAT(failure_of("apiVersion: v1\nkind: Pod\n"), HasSubstr("Pod needs metadata.name"));
  EXPECT_THAT(failure_of("- 1\n"), HasSubstr("not an object"));
}

}  // namespace
}  // namespace kube
