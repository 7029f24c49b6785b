// Where labctl's own command line ends and that of another program begins: `labctl exec LAB NODE -t ls -l`.
#pragma once

#include <string>
#include <vector>

#include "labctl/commands/commands.h"

namespace commands {

struct SplitArguments {
  std::vector<std::string> own;
  std::vector<std::string> tail;
};

// ARGUMENTS are those of COMMAND, without its name. A "--" that stands where the other program's begins is left out.
SplitArguments split_tail(const CLI::App& command, const Tail& tail, const std::vector<std::string>& arguments);

}  // namespace commands
