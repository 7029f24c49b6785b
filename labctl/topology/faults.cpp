#include "labctl/topology/faults.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace topology {
namespace {

// No word of the language is longer, and the distance costs its square.
constexpr size_t longest_word = 64;
constexpr size_t most_candidates = 1000;
constexpr size_t most_shown = 12;
constexpr size_t longest_message = 600;

// Edits from one word to the other, where a swap of neighbours is one edit (optimal string alignment).
size_t distance(const std::string& from, const std::string& to) {
  std::array<std::vector<size_t>, 3> rows;
  for (auto& row : rows) row.resize(to.size() + 1);
  std::iota(rows[0].begin(), rows[0].end(), 0);
  for (size_t i = 1; i <= from.size(); ++i) {
    std::vector<size_t>&row = rows[i % 3], &above = rows[(i + 2) % 3], &two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1)});
      bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[from.size() % 3].back();
}

// A stranger's file may hold escape sequences; nobody's terminal shall obey them.
std::string printable(const std::string& text) {
  std::string shown;
  unsigned char before = 0;
  for (char character : text) {
    auto byte = static_cast<unsigned char>(character);
    bool control_pair = before == 0xc2 && byte >= 0x80 && byte < 0xa0;  // U+0080 to U+009F: 8-bit escape codes
    before = byte;
    if (control_pair) shown.pop_back();
    bool begins = (byte & 0xc0) != 0x80;  // a character, in UTF-8
    if (begins && shown.size() >= longest_message) return shown + "…";
    if (byte < 0x20 || byte == 0x7f || control_pair) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += character;
    }
  }
  return shown;
}

}  // namespace

void Faults::add(Location at, std::string message) {
  if (faults_.size() == most) {
    more_ = true;
    throw TooMany{};
  }
  faults_.push_back({at, std::move(message)});
}

std::vector<Fault> Faults::sorted() const {
  std::vector<Fault> faults = faults_;
  std::stable_sort(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
  if (more_) faults.push_back({{}, "there are more faults, mend these first"});
  return faults;
}

InvalidTopology::InvalidTopology(std::string file, std::vector<Fault> faults) : faults_(std::move(faults)) {
  for (const Fault& fault : faults_) {
    if (!text_.empty()) text_ += "\n";
    std::string place = fault.at.line == 0 ? "" : fmt::format(":{}:{}", fault.at.line, fault.at.column);
    text_ += file + place + ": " + printable(fault.message);
  }
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  if (word.size() < 2 || word.size() > longest_word) return {};
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (size_t i = 0; i < candidates.size() && i < most_candidates; ++i) {
    if (candidates[i].size() > longest_word) continue;
    size_t candidate_distance = distance(word, candidates[i]);
    if (candidate_distance < best_distance) best = candidates[i], best_distance = candidate_distance;
  }
  return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return "; there is none";
  std::string near = nearest(word, candidates);
  if (!near.empty()) return fmt::format(", did you mean \"{}\"?", near);
  size_t shown = std::min(candidates.size(), most_shown);
  std::string known = fmt::format("{}", fmt::join(candidates.begin(), candidates.begin() + shown, ", "));
  if (shown < candidates.size()) known += fmt::format(" and {} more", candidates.size() - shown);
  return "; known: " + known;
}

}  // namespace topology
