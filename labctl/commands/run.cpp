#include "labctl/commands/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "labctl/commands/help.h"
#include "labctl/commands/output.h"
#include "labctl/commands/tail.h"
#include "labctl/lab/start.h"
#include "labctl/topology/faults.h"
#include "lib/base/error.h"

namespace commands {
namespace {

constexpr const char* kDescription =
    "Turns one YAML file into a running network on this host, runs the real agents in it, and shows whether it works.";
constexpr const char* kFooter =
    "Exit codes: 0 all is well; 1 something failed; 2 the command line or a topology is at fault; 3 it cannot run\n"
    "here, for the lack of what is named. `exec` and `kubectl` end with their command's; see their --help.\n"
    "\n"
    "`labctl COMMAND --help` says more of each.";

// With the tail of a command such as `exec` taken off, as what is in it is no option of ours.
std::vector<std::string> take_tail(const CLI::App& application, const std::vector<std::string>& arguments,
                                   Context& context) {
  if (arguments.empty()) return arguments;
  auto tail = context.tails.find(arguments.front());
  if (tail == context.tails.end()) return arguments;
  const CLI::App* command = application.get_subcommand(arguments.front());
  SplitArguments split = split_tail(*command, tail->second, {arguments.begin() + 1, arguments.end()});
  context.tail = std::move(split.tail);
  split.own.insert(split.own.begin(), arguments.front());
  return split.own;
}

std::string command_of(const CLI::App& application) {
  for (const CLI::App* command : application.get_subcommands(nullptr)) {
    if (command->parsed()) return " " + command->get_name();
  }
  return {};
}

// CLI11 would only say that a subcommand is required.
void check_command(const CLI::App& application, const std::string& word) {
  if (word.starts_with('-')) return;
  std::vector<std::string> names;
  for (const CLI::App* command : application.get_subcommands(nullptr)) {
    if (command->get_name() == word) return;
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  throw CLI::ValidationError("no command \"" + word + "\"" + topology::suggestion(word, names));
}

int refuse(const CLI::App& application, const CLI::ParseError& error, Context& context) {
  context.err << "labctl: " << error.what() << "\ntry: labctl" << command_of(application) << " --help\n";
  return kBadInput;
}

void say(Context& context, const std::string& message) {
  // It may quote what a stranger's workload has said.
  context.err << "labctl: " << printable(message) << "\n";
}

void parse(CLI::App& application, std::vector<std::string> arguments) {
  // CLI11 takes them from the end.
  std::reverse(arguments.begin(), arguments.end());
  application.parse(std::move(arguments));
}

}  // namespace

std::unique_ptr<CLI::App> make_application(Context& context) {
  auto application = std::make_unique<CLI::App>(kDescription, "labctl");
  application->formatter(std::make_shared<HelpFormatter>());
  application->require_subcommand(1);
  application->set_help_flag("-h,--help", "show this help");
  add_all(*application, context);
  // After them: they would inherit these.
  application->footer(kFooter);
  application->set_version_flag("--version", "labctl " LABCTL_VERSION, "say which labctl this is");
  context.application = application.get();
  return application;
}

int run(const std::vector<std::string>& arguments, Context& context) {
  std::unique_ptr<CLI::App> application = make_application(context);
  if (arguments.empty()) {
    context.err << application->help();
    return kBadInput;
  }
  if (arguments.front() == "help") {
    context.out << application->help();
    return kOk;
  }
  try {
    check_command(*application, arguments.front());
    parse(*application, take_tail(*application, arguments, context));
    return context.exit_code;
  } catch (const CLI::CallForHelp&) {
    context.out << application->help();
    return kOk;
  } catch (const CLI::CallForVersion& version) {
    context.out << version.what() << "\n";
    return kOk;
  } catch (const CLI::ParseError& error) {
    return refuse(*application, error, context);
  } catch (const topology::InvalidTopology& error) {
    // Each line names its file; editors and CI read them so.
    context.err << error.what() << "\n";
    return kBadInput;
  } catch (const lab::BadInput& error) {
    say(context, error.what());
    return kBadInput;
  } catch (const lab::CannotRun& error) {
    say(context, error.what());
    return kCannotRun;
  } catch (const std::exception& error) {
    say(context, error.what());
    return context.failure_code;
  }
}

}  // namespace commands
