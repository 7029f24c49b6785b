// What is wrong with a topology: all of it at once, each with its place and the mend.
#pragma once

#include <exception>
#include <string>
#include <vector>

namespace topology {

// Both count from 1; 0 where a thing has no place (a generated one).
struct Location {
  unsigned line = 0;
  unsigned column = 0;
  auto operator<=>(const Location&) const = default;
};

// A value and where it was written.
template <class T>
struct Located {
  T value{};
  Location at;
};

struct Fault {
  Location at;
  // "what, and the mend", without full stop.
  std::string message;
};

// Collects faults; one fault never hides another.
class Faults {
 public:
  // More than anybody reads. It bounds what a file can cost that has as many faults as values.
  static constexpr size_t most = 100;
  // Thrown by add() where there are that many already.
  struct TooMany {};

  void add(Location at, std::string message);
  bool empty() const { return faults_.empty(); }
  size_t size() const { return faults_.size(); }
  // In the order of the file; the last says so where there were more.
  std::vector<Fault> sorted() const;

 private:
  std::vector<Fault> faults_;
  bool more_ = false;
};

// Thrown instead of a Topology. what() is one line a fault: "file:line:col: what, and the mend", printable whatever the
// file has in it.
class InvalidTopology : public std::exception {
 public:
  InvalidTopology(std::string file, std::vector<Fault> faults);
  const char* what() const noexcept override { return text_.c_str(); }
  const std::vector<Fault>& faults() const { return faults_; }

 private:
  std::vector<Fault> faults_;
  std::string text_;
};

// The one of CANDIDATES that was probably meant; empty where none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);
// ", did you mean \"X\"?" or, where nothing is near, "; known: a, b, c".
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace topology
