#include <fmt/format.h>

#include "labctl/commands/command_model.h"
#include "labctl/commands/output.h"

namespace commands {
namespace {

constexpr const char* kLogic = R"zsh(
_labctl_offer() { # KIND CHOICES
  case $1 in
    LAB) compadd -- ${(f)"$(labctl __complete labs 2>/dev/null)"} ;;
    NODE) compadd -- ${(f)"$(labctl __complete nodes "$lab" 2>/dev/null)"} ;;
    LINK) compadd -- ${(f)"$(labctl __complete links "$lab" 2>/dev/null)"} ;;
    PROCESS|TARGET) compadd -- ${(f)"$(labctl __complete targets "$lab" 2>/dev/null)"} ;;
    FAULTY) compadd -- ${(f)"$(labctl __complete faulty "$lab" 2>/dev/null)"} ;;
    FILE) _files ;;
    'FILE|LAB')
      compadd -- ${(f)"$(labctl __complete labs 2>/dev/null)"}
      _files ;;
    PLACE)
      compadd -S '' -- ${(f)"$(labctl __complete places "$PREFIX" 2>/dev/null)"}
      _files ;;
    COMMAND)
      if [[ $words[2] == exec ]] && (( count < $#kinds )); then _command_names -e; else _files; fi ;;
    *) compadd -- ${=2} ;;
  esac
}

_labctl() {
  local lab= previous= tail= word skip=
  local -i count=0 index
  local -a flags valued kinds choices
  if (( CURRENT == 2 )); then
    _describe -t commands command _labctl_commands
    return
  fi
  _labctl_model $words[2]
  for word in $words[3,CURRENT-1]; do
    if [[ -n $skip ]]; then skip=; previous=; continue; fi
    previous=
    if [[ $word == -- ]]; then tail=1; (( count >= 1 )) && count=$(( $#kinds - 1 ))
    elif [[ $word == -?* && -z $tail ]]; then
      if (( ${valued[(Ie)$word]} )); then skip=1; previous=$word; fi
    else
      (( count == 0 )) && lab=$word
      (( ++count ))
    fi
  done
  if [[ -n $previous ]]; then
    _labctl_value "$words[2] $previous"
  elif [[ $PREFIX == -* && -z $tail ]]; then
    _describe -o -t options option flags
  elif (( $#kinds )); then
    index=$(( count + 1 ))
    (( index > $#kinds )) && index=$#kinds
    (( count + 1 > index )) && [[ $kinds[index] != *... ]] && return
    _labctl_offer "${kinds[index]%...}" "$choices[index]"
  fi
}

compdef _labctl labctl
)zsh";

// "name:description", in which a ':' of the name would need a backslash.
std::string described(const std::string& name, const std::string& description) {
  return quoted(name + ":" + description);
}

std::string model_case(const CommandModel& command) {
  std::vector<std::string> flags, valued, kinds, choices;
  for (const OptionModel& option : command.options) {
    for (const std::string& name : option.names) {
      flags.push_back(described(name, option.description));
      if (option.takes_value) valued.push_back(name);
    }
  }
  for (const ArgumentModel& argument : command.arguments) {
    kinds.push_back(quoted(argument.kind + (argument.repeated ? "..." : "")));
    choices.push_back(quoted(joined(argument.choices, " ")));
  }
  return fmt::format("    {})\n      flags=({})\n      valued=({}) kinds=({}) choices=({}) ;;\n", command.name,
                     joined(flags, " "), joined(valued, " "), joined(kinds, " "), joined(choices, " "));
}

std::string value_cases(const CommandModel& command) {
  std::string cases;
  for (const OptionModel& option : command.options) {
    if (option.choices.empty()) continue;
    for (const std::string& name : option.names) {
      cases +=
          fmt::format("    {}) compadd -- {} ;;\n", quoted(command.name + " " + name), joined(option.choices, " "));
    }
  }
  return cases;
}

}  // namespace

std::string zsh_completion(const std::vector<CommandModel>& commands) {
  std::string names, models, values;
  for (const CommandModel& command : commands) {
    names += "  " + described(command.name, command.description) + "\n";
    models += model_case(command);
    values += value_cases(command);
  }
  return fmt::format(
      "#compdef labctl\n# Completion of labctl for zsh, made by `labctl completion zsh`.\n"
      "typeset -ga _labctl_commands\n_labctl_commands=(\n{})\n\n"
      "_labctl_model() {{\n  case $1 in\n{}  esac\n}}\n\n"
      "_labctl_value() {{\n  case $1 in\n{}    *) _files ;;\n  esac\n}}\n{}",
      names, models, values, kLogic);
}

}  // namespace commands
