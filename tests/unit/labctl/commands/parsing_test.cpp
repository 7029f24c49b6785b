#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "labctl/commands/forward_spec.h"
#include "labctl/commands/output.h"
#include "labctl/commands/place.h"
#include "labctl/commands/tail.h"
#include "lib/base/error.h"

namespace commands {
namespace {

using ::testing::ElementsAre;

class TailTest : public ::testing::Test {
 protected:
  TailTest() {
    command_.add_option("-e,--env", values_);
    command_.add_flag("-t,--terminal", flag_);
    command_.add_flag("-n", other_);
  }
  SplitArguments split(const std::vector<std::string>& arguments) { return split_tail(command_, {2, true}, arguments); }

  CLI::App command_;
  std::vector<std::string> values_;
  bool flag_ = false, other_ = false;
};

TEST_F(TailTest, BeginsAfterTheArguments) {
  SplitArguments it = split({"lab", "node", "ls", "-t", "--env", "x"});
  EXPECT_THAT(it.own, ElementsAre("lab", "node"));
  EXPECT_THAT(it.tail, ElementsAre("ls", "-t", "--env", "x"));
}

TEST_F(TailTest, OptionsMayStandAnywhereBeforeIt) {
  SplitArguments it =
      split({"-t", "lab", "-e", "A=1", "node", "--env", "B=2", "-ne", "C=3", "--env=D=4", "-eE=5", "ls", "-l"});
  EXPECT_THAT(it.own,
              ElementsAre("-t", "lab", "-e", "A=1", "node", "--env", "B=2", "-ne", "C=3", "--env=D=4", "-eE=5"));
  EXPECT_THAT(it.tail, ElementsAre("ls", "-l"));
}

TEST_F(TailTest, TwoDashesEndOurs) {
  EXPECT_THAT(split({"lab", "node", "-t", "--", "-x", "--", "y"}).tail, ElementsAre("-x", "--", "y"));
  EXPECT_THAT(split({"lab", "--", "node"}).own, ElementsAre("lab"));
  EXPECT_THAT(split({"lab", "node", "--"}).tail, ElementsAre());
  EXPECT_THAT(split({"lab", "node", "", "a b"}).tail, ElementsAre("", "a b"));
}

TEST_F(TailTest, AnothersOptionsMayFollowAtOnce) {
  SplitArguments it = split_tail(command_, {1, false}, {"lab", "-n", "kube-system", "get", "pods"});
  EXPECT_THAT(it.own, ElementsAre("lab"));
  EXPECT_THAT(it.tail, ElementsAre("-n", "kube-system", "get", "pods"));
}

TEST(Place, IsInANodeOrHere) {
  auto place = parse_node_place("web:default/web-1:/etc/a:b");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->lab, "web");
  EXPECT_EQ(place->node, "default/web-1");
  EXPECT_EQ(place->path, "/etc/a:b");
  for (const char* here : {"file", "a/b", "./a:b:c", "/a:b:c", "../x:y:z"})
    EXPECT_FALSE(parse_node_place(here)) << here;
  for (const char* neither : {"web:rs1", "web:", ":a:b", "web::b", "web:rs1:"}) {
    EXPECT_THROW(parse_node_place(neither), base::Error) << neither;
  }
}

std::string in_full(const ForwardSpec& spec) {
  return spec.address + " " + std::to_string(spec.port) + " " + spec.target.node + " " + spec.target.address + " " +
         std::to_string(spec.target.port);
}

TEST(Forward, MeansLoopbackUnlessToldOtherwise) {
  EXPECT_EQ(in_full(parse_forward("8080:web:80")), "127.0.0.1 8080 web 127.0.0.1 80");
  EXPECT_EQ(in_full(parse_forward("0.0.0.0:8080:web:80")), "0.0.0.0 8080 web 127.0.0.1 80");
  EXPECT_EQ(in_full(parse_forward("8080:client:10.0.0.1:80")), "127.0.0.1 8080 client 10.0.0.1 80");
  EXPECT_EQ(in_full(parse_forward("[::1]:0:default/web-1:[fd00::1]:80")), "::1 0 default/web-1 fd00::1 80");
}

TEST(Forward, RefusesWhatItIsNot) {
  for (const char* bad : {"", "80", "80:web", "web:80:80", "80:web:0", "80:web:x", "80:web:65536", "x:80:web:80",
                          "80:web:host:80", "80:web:10.0.0.1:80:90", "80::80", "1.2.3.4:80:web"}) {
    EXPECT_THROW(parse_forward(bad), base::Error) << bad;
  }
}

TEST(Table, HasColumnsAsWideAsTheirWidest) {
  std::ostringstream out;
  Table table({"NAME", "STATE"});
  EXPECT_TRUE(table.empty());
  table.add({"müller", "ready"});
  table.add({"a", ""});
  table.print(out);
  EXPECT_EQ(out.str(), "NAME    STATE\nmüller  ready\na\n");
}

TEST(Words, AreForPeople) {
  EXPECT_EQ(in_words(std::chrono::milliseconds(313)), "0.31 s");
  EXPECT_EQ(in_words(std::chrono::seconds(61)), "61 s");
  EXPECT_EQ(in_words(std::chrono::minutes(30)), "30 min");
  EXPECT_EQ(in_words(std::chrono::hours(50)), "2 d");
  EXPECT_EQ(size_in_words(1023), "1023 B");
  EXPECT_EQ(size_in_words(3 << 20), "3.0 MiB");
  EXPECT_EQ(age("tomorrow"), "?");
  EXPECT_EQ(quoted("a'b c"), "'a'\\''b c'");
  EXPECT_EQ(quoted("a-b/c.d"), "a-b/c.d");
}

TEST(Words, DoNotCommandATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\tc\n\x7f"), "a\\x1b[2Jb\tc\n\\x7f");
}

}  // namespace
}  // namespace commands
