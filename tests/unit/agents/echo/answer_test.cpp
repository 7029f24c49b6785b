#include "agents/echo/answer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <map>

namespace echo {
namespace {

Environment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> const char* {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

TEST(Identify, TakesTheOptionThenThePodThenTheHost) {
  EXPECT_EQ(identify("given", environment({{"POD_NAME", "pod"}})).server, "given");
  EXPECT_EQ(identify("", environment({{"POD_NAME", "pod"}})).server, "pod");
  EXPECT_EQ(identify("", environment({{"POD_NAME", ""}})).server, host_name());
}

TEST(Identify, NamesTheNodeByTheFirstThatKnows) {
  EXPECT_EQ(identify("", environment({{"NODE_NAME", "w1"}, {"LABCTL_NODE", "w2"}})).node, "w1");
  EXPECT_EQ(identify("", environment({{"LABCTL_NODE", "w2"}})).node, "w2");
  EXPECT_EQ(identify("", environment({})).node, host_name());
}

TEST(Describe, SaysWhoIsHereAndWhomItSees) {
  Identity identity{"web-1", "w1", "default", "10.244.1.5"};
  EXPECT_EQ(to_line(describe(identity, "192.168.113.102:40000", "10.244.1.5:8080", "http")),
            R"({"server":"web-1","node":"w1","namespace":"default","ip":"10.244.1.5","client":"192.168.113.102",)"
            R"("clientPort":40000,"local":"10.244.1.5:8080","protocol":"http"})"
            "\n");
}

TEST(Describe, LeavesOutWhatOnlyPodsHaveAndUnwrapsIpv6) {
  EXPECT_EQ(to_line(describe({"rs1", "rs1", "", ""}, "[fd00::2]:53", "[fd00::1]:80", "udp")),
            R"({"server":"rs1","node":"rs1","client":"fd00::2","clientPort":53,"local":"[fd00::1]:80",)"
            R"("protocol":"udp"})"
            "\n");
}

TEST(Printable, KeepsUtf8AndReplacesTheRest) {
  EXPECT_EQ(printable("ab ü € 😀"), "ab ü € 😀");
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\xEF\xBF\xBD"
            "b");
  for (const char* wrong :
       {"\xc0\x80", "\xed\xa0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80", "\xf5", "\xc3", "\xe2\x82"}) {
    std::string text = "\"" + printable(wrong) + "\"";
    EXPECT_NO_THROW(boost::json::parse(text)) << text;
    EXPECT_EQ(text.find(wrong), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace echo
