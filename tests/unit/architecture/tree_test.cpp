// Promises about the tree as a whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "labctl/topology/topology.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const fs::path kRoot = SOURCE_DIR;

std::vector<fs::path> entries(const std::string& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(kRoot / folder)) found.push_back(entry.path());
  return found;
}

TEST(Tree, EveryTopologyDecodes) {
  size_t topologies = 0;
  for (const fs::path& file : entries("topologies")) {
    if (file.extension() != ".yaml") continue;
    ++topologies;
    EXPECT_NO_THROW(topology::parse(base::read_file(file), file.filename())) << [&] {
      try {
        topology::parse(base::read_file(file), file.filename());
      } catch (const topology::InvalidTopology& error) {
        return std::string(error.what());
      }
      return std::string();
    }();
  }
  EXPECT_GT(topologies, 0u);
}

TEST(Tree, EveryTopologyIsCalledLikeItsFileAndProvesSomething) {
  for (const fs::path& file : entries("topologies")) {
    if (file.extension() != ".yaml") continue;
    topology::Topology topology = topology::parse(base::read_file(file), file.filename());
    EXPECT_EQ(topology.name.value, file.stem()) << file;
    EXPECT_NE(topology.description, "") << file;
    EXPECT_FALSE(topology.scenario.empty()) << file;
  }
}

TEST(Tree, EveryAgentHasUnitTests) {
  for (const fs::path& agent : entries("agents")) {
    if (!fs::is_directory(agent)) continue;
    EXPECT_TRUE(fs::is_directory(kRoot / "tests/unit/agents" / agent.filename())) << agent;
  }
}

TEST(Tree, UnitTestsMirrorTheSource) {
  for (const char* top : {"lib", "labctl", "agents"}) {
    for (const fs::path& tests : entries(std::string("tests/unit/") + top)) {
      if (fs::is_directory(tests)) {
        EXPECT_TRUE(fs::is_directory(kRoot / top / tests.filename())) << tests;
      }
    }
  }
}

// Every CMakeLists.txt is part of the build by its folder: one that says nothing about tests of a folder that has some
// would leave them out without a word.
TEST(Tree, EveryFolderOfUnitTestsIsBuilt) {
  std::string listed = base::read_file(kRoot / "tests/unit/CMakeLists.txt");
  for (const char* top : {"lib", "labctl", "agents"}) {
    for (const fs::path& tests : entries(std::string("tests/unit/") + top)) {
      if (!fs::is_directory(tests)) continue;
      EXPECT_THAT(listed, HasSubstr("unit_tests(" + std::string(top) + "/" + tests.filename().string() + " "));
    }
  }
}

// The first process of a lab must not end because a library thinks it should; and an embedded kernel loads libpcap and
// the eight libraries that it needs slowly.
TEST(Tree, TheFirstProcessOfALabLinksNoLibraryThatMayExitOrIsSlow) {
  for (const char* program : {"supervisor", "lab-shell", "uml-keeper"}) {
    fs::path path = fs::path(LIBEXEC_DIR) / program;
    ASSERT_TRUE(fs::exists(path)) << path;
    std::string libraries = base::run_checked({"ldd", path});
    EXPECT_THAT(libraries, HasSubstr("libc.so")) << program;
    EXPECT_THAT(libraries, Not(HasSubstr("libipset"))) << program;
    EXPECT_THAT(libraries, Not(HasSubstr("libnetfilter_conntrack"))) << program;
    EXPECT_THAT(libraries, Not(HasSubstr("libpcap"))) << program;
  }
}

}  // namespace
