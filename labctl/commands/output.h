// How things are written for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace commands {

// Columns as wide as they need to be; nothing where there are no rows.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() < 2; }
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string joined(const std::vector<std::string>& words, const std::string& separator);
// "0.31 s", "12 s", "3 min", "2 h", "5 d"
std::string in_words(std::chrono::milliseconds time);
// "512 B", "12.3 MiB"
std::string size_in_words(std::uint64_t bytes);
// How long ago "2026-01-31T12:00:00.123Z" was; "?" where it is no such time.
std::string age(const std::string& timestamp);
// As a shell would need it to be one word.
std::string quoted(const std::string& word);
// Without what could make a terminal do things: control characters are shown as \x1b.
std::string printable(const std::string& text);

}  // namespace commands
