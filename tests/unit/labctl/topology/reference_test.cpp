// docs/topology.md is what topology::reference() says, and what it says is true: every example in it decodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "labctl/topology/tables.h"
#include "tests/unit/golden.h"

namespace {

using namespace topology;
using testing::HasSubstr;

std::string faults_of(const Faults& faults) {
  return faults.empty() ? "" : InvalidTopology("example", faults.sorted()).what();
}

TEST(Reference, TheFileInDocsIsCurrent) {
  golden::expect_same(std::filesystem::path(SOURCE_DIR) / "docs/topology.md", reference());
}

TEST(Reference, EveryExampleOfEveryKeyDecodes) {
  SchemaBuilder builder;
  object_schema(topology_kind(), builder);
  std::set<std::string> kinds;
  for (const Example& example : builder.examples) {
    std::string name = example.kind + " " + example.key;
    kinds.insert(example.kind);
    ASSERT_FALSE(example.yaml.empty()) << name;
    Faults faults;
    yaml::Node node = yaml::parse(example.yaml, faults);
    example.decode(node, faults);
    EXPECT_EQ(faults_of(faults), "") << name << ": " << example.yaml;
    // It stands amid other text, in one line and in backquotes.
    EXPECT_EQ(example.yaml.find_first_of("`|\n"), std::string::npos) << name << ": " << example.yaml;
    if (!example.key.empty()) {
      EXPECT_THAT(reference(), HasSubstr("`" + example.key + ": " + example.yaml + "`")) << name;
    }
  }
  for (const char* kind :
       {"topology", "network", "node", "link of kind vxlan", "ipvs service", "ipvs server", "workload", "ready",
        "cluster", "proxy", "overlay", "mount", "step", "expect", "do", "fault", "target", "partition"}) {
    EXPECT_EQ(kinds.count(kind), 1u) << kind;
  }
}

// What stands between "```yaml" and "```".
std::vector<std::string> fenced_examples(const std::string& markdown) {
  const std::string begin = "```yaml\n", end = "```\n";
  std::vector<std::string> examples;
  for (size_t at = markdown.find(begin); at != std::string::npos; at = markdown.find(begin, at)) {
    at += begin.size();
    examples.push_back(markdown.substr(at, markdown.find(end, at) - at));
  }
  return examples;
}

TEST(Reference, TheWholeTopologiesInItAreGood) {
  std::vector<std::string> examples = fenced_examples(reference());
  ASSERT_GE(examples.size(), 2u);
  for (const std::string& example : examples) EXPECT_NO_THROW(parse(example, "example")) << example;
}

}  // namespace
