#include "labctl/commands/tail.h"

#include <CLI/CLI.hpp>

namespace commands {
namespace {

bool is_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

bool takes_value(const CLI::App& command, const std::string& name) {
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr && option->get_items_expected_max() > 0;
}

// Whether the word after this option is its value: "--env K=V", "-e K=V", "-te K=V"; not "--env=K=V" or "-eK=V".
bool value_follows(const CLI::App& command, const std::string& word) {
  if (word.starts_with("--")) return word.find('=') == std::string::npos && takes_value(command, word);
  for (std::size_t i = 1; i < word.size(); ++i) {
    if (takes_value(command, std::string("-") + word[i])) return i + 1 == word.size();
  }
  return false;
}

}  // namespace

SplitArguments split_tail(const CLI::App& command, const Tail& tail, const std::vector<std::string>& arguments) {
  SplitArguments split;
  std::size_t seen = 0, next = 0;
  for (; next < arguments.size(); ++next) {
    const std::string& word = arguments[next];
    bool complete = seen == tail.after;
    if (complete && !tail.options_between) break;
    if (word == "--") break;
    if (!is_option(word)) {
      if (complete) break;
      ++seen;
    }
    split.own.push_back(word);
    if (is_option(word) && value_follows(command, word) && next + 1 < arguments.size()) {
      split.own.push_back(arguments[++next]);
    }
  }
  if (next < arguments.size() && arguments[next] == "--") ++next;
  split.tail.assign(arguments.begin() + static_cast<std::ptrdiff_t>(next), arguments.end());
  return split;
}

}  // namespace commands
