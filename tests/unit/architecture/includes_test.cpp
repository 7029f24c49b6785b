// The direction of dependencies (ARCHITECTURE.md), read from every #include of the tree. A folder that the table does
// not know fails: whoever adds one says here what it may use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "lib/base/file_descriptor.h"

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SOURCE_DIR;

using Folders = std::set<std::string>;

Folders with(Folders folders, const Folders& more) {
  folders.insert(more.begin(), more.end());
  return folders;
}

const Folders kLibrary{"lib/base", "lib/netlink", "lib/netfilter", "lib/kube"};
// Their C libraries may call exit(): they belong in programs that may end with them.
const Folders kMayExit{"lib/netfilter/ipset", "lib/netfilter/conntrack"};

// What each folder may include, besides itself. A folder that is named below another counts as one of its own.
const std::map<std::string, Folders>& table() {
  static const std::map<std::string, Folders> rules{
      {"lib/base", {}},
      {"lib/netlink", {"lib/base"}},
      {"lib/netfilter", {"lib/base", "lib/netlink"}},
      {"lib/netfilter/ipset", {"lib/base", "lib/netlink", "lib/netfilter"}},
      {"lib/netfilter/conntrack", {"lib/base", "lib/netlink", "lib/netfilter"}},
      {"lib/packets", {"lib/base"}},
      {"lib/kube", {"lib/base", "lib/netlink", "lib/netfilter"}},

      {"labctl/topology", kLibrary},
      {"labctl/plan", with(kLibrary, {"labctl/topology"})},
      {"labctl/graph", with(kLibrary, {"labctl/topology"})},
      {"labctl/kernel", {"lib/base", "lib/netlink", "lib/netfilter"}},
      {"labctl/supervisor", with(kLibrary, {"labctl/topology", "labctl/plan", "labctl/kernel"})},
      {"labctl/lab", with(kLibrary, {"lib/packets", "labctl/topology", "labctl/plan", "labctl/kernel"})},
      {"labctl/scenario", with(kLibrary, {"labctl/topology", "labctl/plan", "labctl/kernel", "labctl/lab"})},
      // Programs that run in nodes, and know nothing of labs.
      {"labctl/scenario/probe", {"lib/base", "lib/netlink"}},
      {"labctl/scenario/inspect", with(kLibrary, kMayExit)},
      {"labctl/scenario/capture", {"lib/base", "lib/netlink", "lib/packets"}},
      {"labctl/commands", with(kLibrary, {"lib/packets", "labctl/topology", "labctl/plan", "labctl/graph",
                                          "labctl/kernel", "labctl/lab", "labctl/scenario"})},

      // Each agent; "agents/*" stands for its own folder only.
      {"agents/*", with(kLibrary, kMayExit)},
  };
  return rules;
}

// The folder of the table that FILE (a path from the root) is in; empty where there is none.
std::string folder_of(const std::string& file) {
  static const std::regex agent("agents/[^/]+/.*");
  if (std::regex_match(file, agent)) return file.substr(0, file.find('/', 7));
  std::string best;
  for (const auto& [folder, uses] : table()) {
    if (file.rfind(folder + "/", 0) == 0 && folder.size() > best.size()) best = folder;
  }
  return best;
}

const Folders& may_use(const std::string& folder) {
  return table().at(folder.rfind("agents/", 0) == 0 ? "agents/*" : folder);
}

bool is_source(const fs::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h" || path.extension() == ".c";
}

std::vector<std::string> sources_below(const std::string& top) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
    if (is_source(entry.path())) files.push_back(fs::relative(entry.path(), kRoot));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// What stands between quotes after #include, each with its line.
std::vector<std::pair<size_t, std::string>> includes_of(const std::string& file) {
  static const std::regex form("^\\s*#\\s*include\\s*\"([^\"]+)\"");
  std::vector<std::pair<size_t, std::string>> includes;
  std::istringstream text(base::read_file(kRoot / file));
  size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, form)) includes.emplace_back(number, match[1]);
  }
  return includes;
}

std::string complaint(const std::string& file, const std::string& included) {
  if (!fs::exists(kRoot / included)) return "does not exist; includes are written from the root of the tree";
  std::string from = folder_of(file), to = folder_of(included);
  if (to.empty()) return "is in no folder that the table of this test knows";
  if (from != to && may_use(from).count(to) == 0) return from + " may not use " + to;
  return "";
}

TEST(Architecture, EveryFolderIsKnown) {
  for (const char* top : {"lib", "labctl", "agents"}) {
    for (const std::string& file : sources_below(top)) {
      EXPECT_NE(folder_of(file), "") << file
                                     << " is in no folder that the table of this test knows: add a line that says "
                                     << "what it may use, to ARCHITECTURE.md as well";
    }
  }
}

TEST(Architecture, IncludesFollowItsDirection) {
  size_t checked = 0;
  for (const char* top : {"lib", "labctl", "agents"}) {
    for (const std::string& file : sources_below(top)) {
      if (folder_of(file).empty()) continue;  // EveryFolderIsKnown says so
      for (const auto& [line, included] : includes_of(file)) {
        std::string wrong = complaint(file, included);
        EXPECT_EQ(wrong, "") << file << ":" << line << ": #include \"" << included << "\"";
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 300u) << "the test no longer finds the includes";
}

TEST(Architecture, EveryFolderOfTheTableExists) {
  for (const auto& [folder, uses] : table()) {
    if (folder != "agents/*") {
      EXPECT_TRUE(fs::is_directory(kRoot / folder)) << folder;
    }
  }
}

// The rules themselves: what may never be, whoever edits the table.
TEST(Architecture, TheTableHasNoCirclesAndKeepsTheWallsUp) {
  for (const auto& [folder, uses] : table()) {
    for (const std::string& used : uses) {
      EXPECT_EQ(table().at(used).count(folder), 0u) << folder << " and " << used << " use each other";
      EXPECT_NE(used.rfind("agents/", 0), 0u) << folder << " uses an agent";
      if (folder.rfind("labctl/", 0) != 0) {
        EXPECT_NE(used.rfind("labctl/", 0), 0u) << folder << " uses labctl";
      }
    }
  }
  for (const char* never : {"labctl/supervisor", "labctl/kernel", "labctl/lab", "labctl/commands"}) {
    for (const std::string& library : kMayExit) EXPECT_EQ(table().at(never).count(library), 0u) << never;
  }
}

// Tests and benchmarks may use everything; nothing may use them.
TEST(Architecture, IncludesOfTestsExist) {
  for (const char* top : {"tests", "benchmarks"}) {
    for (const std::string& file : sources_below(top)) {
      for (const auto& [line, included] : includes_of(file)) {
        EXPECT_TRUE(fs::exists(kRoot / included)) << file << ":" << line << ": #include \"" << included << "\"";
      }
    }
  }
}

}  // namespace
