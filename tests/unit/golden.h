// Comparing what a program writes with a file of the source tree. LABCTL_UPDATE_GOLDEN=1 in the environment writes the
// files instead: look at `git diff` before you believe them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"

namespace golden {

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The lines that differ, as diff(1) marks them; empty where none do.
inline std::string difference(const std::string& expected, const std::string& actual) {
  std::vector<std::string> before = lines_of(expected), after = lines_of(actual);
  // Longest common subsequence: length[i][j] is that of what begins at lines i and j.
  std::vector<std::vector<unsigned>> length(before.size() + 1, std::vector<unsigned>(after.size() + 1));
  for (size_t i = before.size(); i-- > 0;) {
    for (size_t j = after.size(); j-- > 0;) {
      length[i][j] = before[i] == after[j] ? length[i + 1][j + 1] + 1 : std::max(length[i + 1][j], length[i][j + 1]);
    }
  }
  std::string text;
  for (size_t i = 0, j = 0; i < before.size() || j < after.size();) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i, ++j;
    } else if (i < before.size() && (j == after.size() || length[i + 1][j] >= length[i][j + 1])) {
      text += "- " + before[i++] + "\n";
    } else {
      text += "+ " + after[j++] + "\n";
    }
  }
  return text;
}

inline void expect_same(const std::filesystem::path& file, const std::string& actual) {
  if (std::getenv("LABCTL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(file, std::ios::binary) << actual;
    return;
  }
  if (!std::filesystem::exists(file)) {
    ADD_FAILURE() << file << " is missing; what would be in it:\n" << actual;
    return;
  }
  std::string expected = base::read_file(file);
  if (expected == actual) return;
  ADD_FAILURE() << "not as in " << file << ":\n" << difference(expected, actual);
}

}  // namespace golden
