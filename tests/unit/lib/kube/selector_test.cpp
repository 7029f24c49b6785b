#include "lib/kube/selector.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "lib/base/error.h"

namespace kube {
namespace {

const StringMap web{{"app", "web"}, {"tier", "front"}, {"size", "5"}};

TEST(Selector, MatchesAsKubernetesDoes) {
  struct {
    const char* text;
    bool matches;
  } cases[] = {
      {"", true},
      {"app=web", true},
      {"app==web", true},
      {"app=db", false},
      {"app!=db", true},
      {"app!=web", false},
      {"missing!=x", true},
      {"app", true},
      {"missing", false},
      {"!missing", true},
      {"!app", false},
      {"app in (web,db)", true},
      {"app in (db, cache)", false},
      {"app notin (db)", true},
      {"missing notin (db)", true},
      {"app=web,tier=front", true},
      {"app=web, tier=back", false},
      {"app in (web,db),!missing,tier", true},
      {"size>4", true},
      {"size<4", false},
  };
  for (const auto& one : cases) EXPECT_EQ(Selector::parse(one.text).matches(web), one.matches) << one.text;
}

TEST(Selector, RefusesWhatIsNone) {
  for (const char* text : {"=web", "app in web", "app is (web)", "a b", "!"}) {
    EXPECT_THROW(Selector::parse(text), base::Error) << text;
  }
}

TEST(Selector, ReadsLabelSelectorObjects) {
  auto object = boost::json::parse(
                    R"({"matchLabels":{"app":"web"},"matchExpressions":[
                       {"key":"tier","operator":"In","values":["front","middle"]},
                       {"key":"old","operator":"DoesNotExist"}]})")
                    .as_object();
  Selector selector = Selector::from_object(object);
  EXPECT_TRUE(selector.matches(web));
  EXPECT_FALSE(selector.matches(StringMap{{"app", "web"}}));
  EXPECT_FALSE(selector.matches(StringMap{{"app", "web"}, {"tier", "front"}, {"old", ""}}));
  EXPECT_EQ(selector.text(), "app=web,tier in (front,middle),!old");
}

TEST(Selector, ItsTextIsReadBackAsTheSame) {
  Selector selector = Selector::parse("app=web,tier!=db,env in (a,b),x notin (c,d),here,!gone");
  EXPECT_EQ(Selector::parse(selector.text()).text(), selector.text());
}

TEST(FieldSelector, ComparesFieldsAndTakesAbsentOnesAsEmpty) {
  auto pod = boost::json::parse(R"({"metadata":{"name":"p"},"spec":{"nodeName":"w1","hostNetwork":true}})").as_object();
  EXPECT_TRUE(FieldSelector::parse("spec.nodeName=w1").matches(pod));
  EXPECT_TRUE(FieldSelector::parse("spec.nodeName==w1,metadata.name!=q").matches(pod));
  EXPECT_FALSE(FieldSelector::parse("spec.nodeName!=w1").matches(pod));
  EXPECT_TRUE(FieldSelector::parse("status.phase=").matches(pod));
  EXPECT_TRUE(FieldSelector::parse("status.phase!=Failed").matches(pod));
  EXPECT_TRUE(FieldSelector::parse("spec.hostNetwork=true").matches(pod));
  EXPECT_THROW(FieldSelector::parse("nonsense"), base::Error);
}

}  // namespace
}  // namespace kube
