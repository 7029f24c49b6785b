#include "agents/controller/names.h"

#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::MatchesRegex;

TEST(TemplateHash, DependsOnWhatIsMeantNotOnHowItIsWritten) {
  Object one = parse(R"({"a":{"x":1,"y":[1,2]},"b":"c"})"), same = parse(R"({"b":"c","n":null,"a":{"y":[1,2],"x":1}})");
  EXPECT_EQ(template_hash(one), template_hash(same));
  EXPECT_NE(template_hash(one), template_hash(parse(R"({"a":{"x":1,"y":[2,1]},"b":"c"})")));
  EXPECT_NE(template_hash(one), template_hash(one, 1)) << "a collision is got around";
  EXPECT_THAT(template_hash(one), MatchesRegex("[bcdf456789]{1,10}"));
}

TEST(Suffixes, HaveFiveCharactersOfThoseThatKubernetesUses) {
  for (int count = 0; count < 20; ++count) EXPECT_THAT(random_suffix(), MatchesRegex("[b-z2-9]{5}"));
  EXPECT_NE(random_suffix(), random_suffix());
  EXPECT_THAT(stable_suffix("a"), MatchesRegex("[b-z2-9]{5}"));
  EXPECT_EQ(stable_suffix("a"), stable_suffix("a"));
  EXPECT_NE(stable_suffix("a"), stable_suffix("b"));
}

TEST(Times, AreReadAsTheyAreWritten) {
  EXPECT_EQ(format_time(*parse_time("2026-11-24T12:00:00Z")), "2026-11-24T12:00:00Z");
  EXPECT_EQ(parse_time("2026-11-24T12:00:00.123456Z"), parse_time("2026-11-24T12:00:00Z"));
  EXPECT_FALSE(parse_time(""));
  EXPECT_FALSE(parse_time("yesterday"));
}

}  // namespace
}  // namespace controller
