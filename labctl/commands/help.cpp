#include "labctl/commands/help.h"

#include <fmt/format.h>

#include <cctype>
#include <vector>

namespace commands {
namespace {

constexpr std::size_t kNameWidth = 26;

bool is_top(const CLI::App* app) {
  return app->get_parent() == nullptr;
}

std::vector<const CLI::Option*> arguments_of(const CLI::App* app) {
  return app->get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App* app) {
  return app->get_options(
      [](const CLI::Option* option) { return option->nonpositional() && !option->get_group().empty(); });
}

std::string line(const std::string& name, const std::string& description) {
  if (name.size() + 2 < kNameWidth) return fmt::format("  {:<{}}{}\n", name, kNameWidth - 2, description);
  return fmt::format("  {}\n{:{}}{}\n", name, "", kNameWidth, description);
}

std::string as_sentence(std::string text) {
  if (text.empty()) return text;
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text.back() == '.' ? text : text + ".";
}

}  // namespace

HelpFormatter::HelpFormatter() {
  column_width(kNameWidth);
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const {
  std::string text = make_usage(app, name) + "\n" + as_sentence(app->get_description()) + "\n";
  std::string arguments, options;
  for (const CLI::Option* option : arguments_of(app)) {
    arguments += line(make_option_name(option, true), option->get_description());
  }
  if (!arguments.empty()) text += "\nArguments:\n" + arguments;
  text += make_subcommands(app, CLI::AppFormatMode::Normal);
  for (const CLI::Option* option : options_of(app)) {
    options += line(make_option_name(option, false) + make_option_opts(option), option->get_description());
  }
  text += "\nOptions:\n" + options;
  if (!app->get_footer().empty()) text += "\n" + app->get_footer() + "\n";
  return text;
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  if (is_top(app)) return "Usage: labctl COMMAND [ARGUMENTS…]\n";
  std::string usage = "Usage: labctl " + app->get_name(), after;
  for (const CLI::Option* option : arguments_of(app)) {
    std::string word = option->get_name(true, false);
    if (option->get_expected_max() > 1) word += "…";
    if (!option->get_required()) word = "[" + word + "]";
    // Another program's command line comes last.
    (option->get_type_name() == "COMMAND" ? after : usage) += " " + word;
  }
  return usage + (options_of(app).size() > 1 ? " [OPTIONS]" : "") + after + "\n";
}

std::string HelpFormatter::make_option_name(const CLI::Option* option, bool is_positional) const {
  if (is_positional) return option->get_name(true, false);
  std::string text;
  for (const std::string& name : option->get_snames()) text += (text.empty() ? "-" : ", -") + name;
  for (const std::string& name : option->get_lnames()) text += (text.empty() ? "    --" : ", --") + name;
  return text;
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  std::string name = option->get_type_name();
  // CLI11 appends what a check allows.
  return option->get_items_expected_max() == 0 ? "" : " " + name.substr(0, name.find(':'));
}

}  // namespace commands
