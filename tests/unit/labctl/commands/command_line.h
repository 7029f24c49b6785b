// A command line, run as main() would.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "labctl/commands/run.h"

namespace commands {

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

inline Outcome labctl(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  Context context(out, err);
  int code = run(arguments, context);
  return {code, out.str(), err.str()};
}

}  // namespace commands
