// Whatever is done to a topology's text, it becomes a Topology or an InvalidTopology with reasons: never a crash, never
// silence. The same mutants each time: the generator's seed is fixed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/topology/schema_check.h"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> good_texts() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(SOURCE_DIR) / "tests/unit/labctl/topology/good")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const fs::path& file : files) texts.push_back(base::read_file(file));
  return texts;
}

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  std::string next() {
    std::string text = texts_[below(texts_.size())];
    size_t changes = 1 + below(4);
    for (size_t i = 0; i < changes && !text.empty(); ++i) change(text);
    return text;
  }

 private:
  size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }

  // What is likely to matter to a parser, and what a typing hand does.
  void change(std::string& text) {
    static const std::vector<std::string> pieces{":",        ": ",      "{",           "}",         "[",  "]",   "- ",
                                                 "\n",       "\t",      "\"",          "'",         "#",  "&a ", "*a",
                                                 "<<: *a",   "!!int ",  "|",           ">",         "?",  "---", "...",
                                                 "\x00\x01", "\xff",    "\xc3",        "~",         "0",  "-1",  "",
                                                 "null",     "true",    "1e9",         "${node:a}", "::", "/33", "%",
                                                 "@",        "default", "99999999999", "ü",         ",",  "\r\n"};
    size_t at = below(text.size());
    switch (below(6)) {
      case 0:  // a character
        text[at] = static_cast<char>(below(256));
        break;
      case 1:  // something is missing
        text.erase(at, 1 + below(12));
        break;
      case 2:  // something is there that should not be
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 3:  // a part of it a second time
        text.insert(at, text.substr(below(text.size()), below(60)));
        break;
      case 4:  // a part of another file
        text.insert(at, piece_of(texts_[below(texts_.size())]));
        break;
      case 5:  // it ends early
        if (below(4) == 0) text.resize(at);
        break;
    }
  }

  // Some whole lines.
  std::string piece_of(const std::string& text) {
    size_t begin = text.find('\n', below(text.size()));
    if (begin == std::string::npos) return {};
    size_t end = text.find('\n', std::min(text.size() - 1, begin + 1 + below(200)));
    return text.substr(begin, end == std::string::npos ? end : end - begin);
  }

  std::vector<std::string> texts_;
  std::mt19937 random_{20261124};
};

TEST(Mutation, EndsInATopologyOrInReasons) {
  Mutator mutator(good_texts());
  boost::json::array accepted;
  size_t refused = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string text = mutator.next();
    try {
      topology::parse(text, "mutant");
      if (accepted.size() < 400) accepted.push_back(json_of(text));
    } catch (const topology::InvalidTopology& error) {
      ++refused;
      ASSERT_FALSE(error.faults().empty()) << text;
      for (const topology::Fault& fault : error.faults()) ASSERT_FALSE(fault.message.empty()) << text;
    }
  }
  // Both ends must be reached, or the mutants test nothing.
  EXPECT_GT(refused, 1000u);
  ASSERT_GT(accepted.size(), 200u);

  // What the decoder takes, editors must not complain about.
  std::vector<std::string> verdicts = judge(accepted);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(verdicts[i], "accepted") << boost::json::serialize(accepted[i]);
  }
}

}  // namespace
