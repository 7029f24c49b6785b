// A fault as the control API has it: what is written is what is read.
#include "labctl/topology/injection.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "lib/base/error.h"

namespace topology {
namespace {

using testing::HasSubstr;

std::string again(const std::string& json) {
  return boost::json::serialize(to_json(parse_injection(boost::json::parse(json).as_object())));
}

std::string described(const std::string& json) {
  return describe(parse_injection(boost::json::parse(json).as_object()));
}

TEST(Injection, SurvivesTheWayToTheLab) {
  for (const char* json :
       {R"({"kill":{"process":"web@rs1"}})", R"({"restart":{"node":"rs1"}})", R"({"pause":{"pod":"default/web"}})",
        R"({"resume":{"node":"rs1"}})", R"({"linkDown":"default/web:eth0"})", R"({"linkUp":"ds:lan"})",
        R"({"partition":{"groups":[["a","b"],["c"]]}})",
        R"({"partition":{"groups":[["a"],["c"]],"networks":["lan"]}})"}) {
    EXPECT_EQ(again(json), json);
  }
  std::string impaired = again(
      R"({"impair":{"link":"a:lan","impairment":{"delay":"1500us","jitter":"1ms","loss":"0.00001%","rate":"1500kbit"}}})");
  EXPECT_EQ(again(impaired), impaired);
  EXPECT_THAT(impaired, HasSubstr("0.000010%"));
}

TEST(Injection, SaysWhatIsTheCase) {
  EXPECT_EQ(described(R"({"kill":{"node":"a"}})"), "node a is killed");
  EXPECT_EQ(described(R"({"pause":{"process":"web@a"}})"), "process web@a is paused");
  EXPECT_EQ(described(R"({"restart":{"node":"a"}})"), "restart node a");
  EXPECT_EQ(described(R"({"linkDown":"a:lan"})"), "link a:lan is down");
  EXPECT_EQ(described(R"({"partition":{"groups":[["a","b"],["c"]],"networks":["lan"]}})"),
            "partition of lan: a, b | c");
  EXPECT_EQ(described(R"({"impair":{"link":"a:lan","impairment":{"delay":"100ms","loss":"10%"}}})"),
            "link a:lan is impaired: delay 100ms loss 10%");
}

TEST(Injection, WhatIsNoneIsRefusedWithAllThatIsWrong) {
  try {
    parse_injection({{"linkdown", "a:lan"}, {"kil", "x"}});
    ADD_FAILURE() << "no error";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown key \"linkdown\" in fault, did you mean \"linkDown\"?; unknown key"));
  }
}

TEST(Injection, ALinkIsOfANodeOrAPod) {
  EXPECT_EQ(split_link("ds:lan"), std::make_pair(std::string("ds"), std::string("lan")));
  EXPECT_EQ(split_link("default/web:eth0"), std::make_pair(std::string("default/web"), std::string("eth0")));
  EXPECT_EQ(split_link("lan"), std::make_pair(std::string("lan"), std::string()));
}

}  // namespace
}  // namespace topology
