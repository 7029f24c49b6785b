#include <fmt/format.h>

#include "labctl/commands/command_model.h"
#include "labctl/commands/output.h"

namespace commands {
namespace {

// Bash splits words at ':' and '=' as well: so the line is split anew, and what stands before the last of them is taken
// off the replies.
constexpr const char* kLogic = R"bash(
_labctl_offer() { # KIND CHOICES
  case $1 in
    LAB) _labctl_words "$(labctl __complete labs 2>/dev/null)" ;;
    NODE) _labctl_words "$(labctl __complete nodes "$lab" 2>/dev/null)" ;;
    LINK) _labctl_words "$(labctl __complete links "$lab" 2>/dev/null)" ;;
    PROCESS | TARGET) _labctl_words "$(labctl __complete targets "$lab" 2>/dev/null)" ;;
    FAULTY) _labctl_words "$(labctl __complete faulty "$lab" 2>/dev/null)" ;;
    FILE) _labctl_files ;;
    'FILE|LAB')
      _labctl_words "$(labctl __complete labs 2>/dev/null)"
      _labctl_files ;;
    PLACE)
      _labctl_words "$(labctl __complete places "$current" 2>/dev/null)"
      compopt -o nospace 2>/dev/null
      if [ ${#COMPREPLY[@]} -eq 0 ] || [[ $current != *:* ]]; then _labctl_files; fi ;;
    COMMAND)
      if [ "$command" = exec ] && [ "$count" -lt ${#kinds[@]} ]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
      else _labctl_files; fi ;;
    *) _labctl_words "$2" ;;
  esac
}

_labctl_words() {
  local reply prefix=''
  [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] && prefix=${current%"${current##*:}"}
  while IFS= read -r reply; do
    [ -n "$reply" ] && COMPREPLY+=("${reply#"$prefix"}")
  done < <(compgen -W "$1" -- "$current")
}

_labctl_files() {
  local reply
  compopt -o filenames 2>/dev/null
  while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -f -- "$current")
}

_labctl() {
  local line=${COMP_LINE:0:COMP_POINT} current='' command='' lab='' previous='' tail='' word skip='' count=0
  local flags='' valued='' index
  local -a words kinds choices
  COMPREPLY=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] || { current=${words[-1]}; unset 'words[-1]'; }
  if [ ${#words[@]} -le 1 ]; then
    _labctl_words "$_labctl_commands"
    return
  fi
  command=${words[1]}
  _labctl_model
  for word in "${words[@]:2}"; do
    if [ -n "$skip" ]; then skip=; previous=; continue; fi
    previous=
    if [ "$word" = -- ]; then tail=1; [ "$count" -ge 1 ] && count=$((${#kinds[@]} - 1))
    elif [[ $word == -?* && -z $tail ]]; then
      if [[ " $valued " == *" $word "* ]]; then skip=1; previous=$word; fi
    else
      [ "$count" -eq 0 ] && lab=$word
      count=$((count + 1))
    fi
  done
  if [ -n "$previous" ]; then
    _labctl_value
  elif [[ $current == -* && -z $tail ]]; then
    _labctl_words "$flags"
  elif [ ${#kinds[@]} -gt 0 ]; then
    index=$count
    [ "$index" -ge ${#kinds[@]} ] && index=$((${#kinds[@]} - 1))
    [ "$count" -gt "$index" ] && [[ ${kinds[index]} != *... ]] && return
    _labctl_offer "${kinds[index]%...}" "${choices[index]}"
  fi
}

complete -F _labctl labctl
)bash";

std::string names_of(const CommandModel& command, bool only_valued) {
  std::vector<std::string> names;
  for (const OptionModel& option : command.options) {
    if (only_valued && !option.takes_value) continue;
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return joined(names, " ");
}

std::string model_case(const CommandModel& command) {
  std::vector<std::string> kinds, choices;
  for (const ArgumentModel& argument : command.arguments) {
    kinds.push_back(quoted(argument.kind + (argument.repeated ? "..." : "")));
    choices.push_back(quoted(joined(argument.choices, " ")));
  }
  return fmt::format("    {}) flags={} valued={} kinds=({}) choices=({}) ;;\n", command.name,
                     quoted(names_of(command, false)), quoted(names_of(command, true)), joined(kinds, " "),
                     joined(choices, " "));
}

std::string value_cases(const CommandModel& command) {
  std::string cases;
  for (const OptionModel& option : command.options) {
    if (option.choices.empty()) continue;
    for (const std::string& name : option.names) {
      cases += fmt::format("    {}) _labctl_words {} ;;\n", quoted(command.name + " " + name),
                           quoted(joined(option.choices, " ")));
    }
  }
  return cases;
}

}  // namespace

std::string bash_completion(const std::vector<CommandModel>& commands) {
  std::vector<std::string> names;
  std::string models, values;
  for (const CommandModel& command : commands) {
    names.push_back(command.name);
    models += model_case(command);
    values += value_cases(command);
  }
  return fmt::format(
      "# Completion of labctl for bash, made by `labctl completion bash`.\n"
      "_labctl_commands={}\n\n"
      "_labctl_model() {{\n  case $command in\n{}  esac\n}}\n\n"
      "_labctl_value() {{\n  case \"$command $previous\" in\n{}    *) _labctl_files ;;\n  esac\n}}\n{}",
      quoted(joined(names, " ")), models, values, kLogic);
}

}  // namespace commands
