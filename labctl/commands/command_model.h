// What the command line can be, taken from the application itself: so that completion cannot go stale.
#pragma once

#include <string>
#include <vector>

#include "labctl/commands/commands.h"

namespace commands {

struct OptionModel {
  std::vector<std::string> names;  // "-n", "--name"
  std::string description;
  bool takes_value = false;
  std::vector<std::string> choices;  // where only these are allowed
};

struct ArgumentModel {
  std::string kind;  // arguments.h: what completion knows by name
  bool repeated = false;
  std::vector<std::string> choices;
};

struct CommandModel {
  std::string name;
  std::string description;
  std::vector<OptionModel> options;
  std::vector<ArgumentModel> arguments;
};

// Without hidden commands.
std::vector<CommandModel> model_of(const CLI::App& application);

std::string bash_completion(const std::vector<CommandModel>& commands);
std::string zsh_completion(const std::vector<CommandModel>& commands);

}  // namespace commands
