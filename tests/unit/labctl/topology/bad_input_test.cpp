// Every bad/NAME.yaml is refused with exactly the lines of bad/NAME.expected: place, what is wrong, and the mend.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "labctl/topology/topology.h"
#include "lib/base/file_descriptor.h"
#include "tests/unit/golden.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kFolder = fs::path(SOURCE_DIR) / "tests/unit/labctl/topology/bad";

std::string refusal(const std::string& text, const std::string& name) {
  try {
    topology::parse(text, name);
  } catch (const topology::InvalidTopology& error) {
    return error.what();
  }
  return "accepted";
}

std::vector<fs::path> bad_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(BadInput, IsRefusedWithThePlaceTheFaultAndTheMend) {
  std::vector<fs::path> files = bad_files();
  ASSERT_GE(files.size(), 60u);
  for (const fs::path& file : files) {
    std::string lines = refusal(base::read_file(file), file.filename()) + "\n";
    golden::expect_same(fs::path(file).replace_extension(".expected"), lines);
  }
}

TEST(BadInput, EveryFaultHasAPlaceInTheFile) {
  for (const fs::path& file : bad_files()) {
    std::string text = base::read_file(file);
    unsigned lines = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1;
    try {
      topology::parse(text, file);
      ADD_FAILURE() << file << " is accepted";
    } catch (const topology::InvalidTopology& error) {
      topology::Location last;
      for (const topology::Fault& fault : error.faults()) {
        if (&fault == &error.faults().back() && fault.at.line == 0) continue;  // "there are more faults"
        EXPECT_TRUE(fault.at.line >= 1 && fault.at.line <= lines && fault.at.column >= 1)
            << file << ": " << fault.at.line << ":" << fault.at.column << " " << fault.message;
        EXPECT_LE(last, fault.at) << file << ": not in the order of the file: " << fault.message;
        last = fault.at;
      }
    }
  }
}

// ---- what does not fit into a small file

std::string head() {
  return "version: 1\nname: lab\n";
}

TEST(BadInput, LargerThanTheLimitIsRefusedUnread) {
  std::string text = head() + "description: " + std::string(1 << 20, 'x') + "\n";
  EXPECT_EQ(refusal(text, "f"), "f:1:1: larger than 1024 KiB, split the file");
}

TEST(BadInput, OpenBracketsWithoutEndAreRefused) {
  EXPECT_EQ(refusal(std::string(500000, '['), "f"), "f:1:41: nested deeper than 40 levels, flatten it");
}

TEST(BadInput, LongTextsAreCutInMessages) {
  std::string key_refusal = refusal(head() + std::string(900000, 'k') + ": 1\n", "f");
  EXPECT_LT(key_refusal.size(), 700u);
  std::string value_refusal = refusal(head() + "nodes: " + std::string(900000, 'v') + "\n", "f");
  EXPECT_LT(value_refusal.size(), 200u);
}

// Work that grows with the square of a file's size would take minutes at the limits.
TEST(BadInput, TheLargestFilesAreReadInSeconds) {
  std::string networks = head() + "networks:\n", keys = head(), chain = head() + "nodes: {a: {workloads: {";
  for (int i = 0; i < 20000; ++i) {
    networks += fmt::format("  n{}: {{subnet: 10.{}.{}.0/24}}\n", i, i / 256, i % 256);
    keys += fmt::format("key{}: 1\n", i);
    if (i < 15000) chain += fmt::format("w{}: {{run: x, after: w{}}},", i, i + 1);
  }
  networks += "  last: {subnet: 10.9.9.0/24}\n";
  chain += "w15000: {run: x}}}}\nscenario: [{fault: {restart: {process: w@a}}}]\n";
  auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(refusal(networks, "f"),
              HasSubstr("subnet 10.9.9.0/24 overlaps 10.9.9.0/24 of network n2313 (line 2317)"));
  EXPECT_THAT(refusal(keys, "f"), HasSubstr("there are more faults"));
  EXPECT_THAT(refusal(chain, "f"), HasSubstr("no process \"w@a\""));
  // 0.3 s on a slow machine; the deadline leaves room for sanitizers.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
