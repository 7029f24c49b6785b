// Runs a program to its end: for the tools that have no library worth linking (iptables-restore, nft).
#pragma once

#include <string>
#include <vector>

namespace base {

struct RunResult {
  // What a shell would call $?: 0–255, or 128 + the signal that ended it.
  int exit_code = 0;
  std::string output;
  std::string error_output;
};

// Blocks until the program ends. The program is looked up in PATH; failing to start it throws Error naming it.
RunResult run_command(const std::vector<std::string>& arguments, const std::string& input = {});

// The same, but an exit code other than 0 throws Error with the command and what it wrote to its standard error.
std::string run_checked(const std::vector<std::string>& arguments, const std::string& input = {});

}  // namespace base
