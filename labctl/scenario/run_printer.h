// Shows a run while it goes on.
#pragma once

#include <boost/json/object.hpp>
#include <ostream>
#include <string>

#include "labctl/scenario/result.h"

namespace scenario {

// On a terminal, what is under way is a line that is overwritten; elsewhere only what has ended is written.
class RunPrinter {
 public:
  RunPrinter(std::ostream& out, bool on_terminal) : out_(out), on_terminal_(on_terminal) {}

  // An event of a worker.
  void show(const boost::json::object& event);
  void finish(const RunResult& run);

 private:
  void under_way(const std::string& what);
  void clear();

  std::ostream& out_;
  bool on_terminal_;
  bool drawn_ = false;
  std::size_t steps_ = 0;
};

}  // namespace scenario
