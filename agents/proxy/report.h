// What one pass over the kernel changed, and what it could not: one refusal must not keep the rest from being done.
#pragma once

#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace proxy {

struct Report {
  std::vector<std::string> changes;
  std::vector<std::string> failures;

  // Runs FUNCTION; what leaves it as an Error is a failure. Returns whether there was none.
  template <class Function>
  bool attempt(Function&& function) {
    try {
      function();
      return true;
    } catch (const base::Error& error) {
      failures.push_back(error.what());
      return false;
    }
  }
  // The same for a change, which WHAT describes: "added virtual server …".
  template <class Function>
  bool change(const std::string& what, Function&& function) {
    bool done = attempt(function);
    if (done) changes.push_back(what);
    return done;
  }
};

// Writes reports as lines of a log. A failure that lasts is told once.
class ReportLog {
 public:
  // Where more than this many changes come at once, they are counted instead of told one by one, unless VERBOSE.
  static constexpr size_t told_one_by_one = 20;
  explicit ReportLog(std::ostream& stream, bool verbose = false) : stream_(stream), verbose_(verbose) {}

  void write(const std::string& subject, const Report& report);

 private:
  std::ostream& stream_;
  bool verbose_;
  std::set<std::string> told_;  // failures that last
};

}  // namespace proxy
