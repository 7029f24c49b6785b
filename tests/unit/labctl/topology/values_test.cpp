#include "labctl/topology/values.h"

#include <gtest/gtest.h>

namespace {

using namespace topology;

TEST(Values, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("500ms"), Duration(500));
  EXPECT_EQ(parse_duration("10s"), Duration(10000));
  EXPECT_EQ(parse_duration("2m"), Duration(120000));
  EXPECT_EQ(parse_duration("1h"), Duration(3600000));
  EXPECT_EQ(parse_duration("0s"), Duration(0));
  for (const char* text : {"", "5", "s", "5 s", "-5s", "1.5s", "5S", "5d", "05s", "99999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Values, NumbersAreWrittenOneWay) {
  EXPECT_EQ(parse_unsigned("0"), 0u);
  EXPECT_EQ(parse_unsigned("18446744073709551615"), 18446744073709551615u);
  for (const char* text : {"", "010", "-1", "+1", " 1", "1 ", "0x10", "1e3", "18446744073709551616"}) {
    EXPECT_FALSE(parse_unsigned(text)) << text;
  }
}

TEST(Values, EndpointsOfBothVersions) {
  auto v4 = parse_endpoint("10.0.0.1:80");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->first.to_string(), "10.0.0.1");
  EXPECT_EQ(v4->second, 80);
  EXPECT_EQ(parse_endpoint("[fd00::1]:65535")->first.to_string(), "fd00::1");
  for (const char* text : {"10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", ":80", "[]:80", "[10.0.0.1:80",
                           "fd00::1", "fd00::1:80", "[10.0.0.1]:80", "host:80", "10.0.0.1:80:80"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

TEST(Values, NamesAreDnsLabels) {
  for (const char* text : {"a", "web-1", "0", "a--b"}) EXPECT_TRUE(is_label(text)) << text;
  EXPECT_TRUE(is_label(std::string(63, 'a')));
  for (const char* text : {"", "-a", "a-", "A", "a.b", "a_b", "ä", "a b"}) EXPECT_FALSE(is_label(text)) << text;
  EXPECT_FALSE(is_label(std::string(64, 'a')));
}

TEST(Suggestion, NamesTheNearestWord) {
  const std::vector<std::string> known{"networks", "nodes", "name"};
  EXPECT_EQ(nearest("nodse", known), "nodes");  // a swap is one slip
  EXPECT_EQ(nearest("network", known), "networks");
  EXPECT_EQ(nearest("colour", known), "");
  EXPECT_EQ(nearest("x", known), "");
  EXPECT_EQ(suggestion("nam", known), ", did you mean \"name\"?");
  EXPECT_EQ(suggestion("colour", known), "; known: networks, nodes, name");
  EXPECT_EQ(suggestion("colour", {}), "; there is none");
}

TEST(Suggestion, ListsNoMoreThanADozen) {
  std::vector<std::string> known;
  for (int i = 0; i < 100; ++i) known.push_back("node" + std::to_string(i));
  std::string text = suggestion("zzzzzz", known);
  EXPECT_NE(text.find("node11 and 88 more"), std::string::npos) << text;
}

}  // namespace
