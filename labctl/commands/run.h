// labctl, but for its process: parses a command line, runs the command, says what went wrong.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "labctl/commands/commands.h"

namespace commands {

// ARGUMENTS without the program's own name. Returns the exit code.
int run(const std::vector<std::string>& arguments, Context& context);

// All commands, their options and arguments: what help and completion are made from.
std::unique_ptr<CLI::App> make_application(Context& context);

}  // namespace commands
