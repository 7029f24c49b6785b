#include "labctl/commands/command_model.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace commands {
namespace {

// CLI11 appends what a check allows to the type's name: "KERNEL:{auto,host,uml}".
std::vector<std::string> choices_in(const std::string& type_name) {
  std::size_t start = type_name.find(":{");
  if (start == std::string::npos || type_name.back() != '}') return {};
  std::istringstream list(type_name.substr(start + 2, type_name.size() - start - 3));
  std::vector<std::string> choices;
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

std::string kind_in(const std::string& type_name) {
  return type_name.substr(0, type_name.find(':'));
}

OptionModel option_model(const CLI::Option& option) {
  OptionModel model;
  for (const std::string& name : option.get_snames()) model.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) model.names.push_back("--" + name);
  model.description = option.get_description();
  model.takes_value = option.get_items_expected_max() > 0;
  model.choices = choices_in(option.get_type_name());
  return model;
}

CommandModel command_model(const CLI::App& command) {
  CommandModel model{command.get_name(), command.get_description(), {}, {}};
  for (const CLI::Option* option : command.get_options()) {
    if (option->nonpositional()) {
      model.options.push_back(option_model(*option));
    } else {
      model.arguments.push_back(
          {kind_in(option->get_type_name()), option->get_expected_max() > 1, choices_in(option->get_type_name())});
    }
  }
  return model;
}

}  // namespace

std::vector<CommandModel> model_of(const CLI::App& application) {
  std::vector<CommandModel> models;
  for (const CLI::App* command : application.get_subcommands(nullptr)) {
    if (!command->get_group().empty()) models.push_back(command_model(*command));
  }
  return models;
}

}  // namespace commands
