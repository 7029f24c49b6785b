#include <signal.h>

#include <CLI/CLI.hpp>
#include <cctype>

#include "labctl/commands/arguments.h"

namespace commands {
namespace {

struct Options {
  std::string lab;
  std::string target;
  std::string signal;
};

// "9", "TERM", "SIGTERM", "term"
int signal_number(const std::string& text) {
  std::string name;
  for (char c : text) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = ::sigabbrev_np(number);
    if (name == std::to_string(number) || (abbreviation != nullptr && name == abbreviation)) return number;
  }
  throw CLI::ValidationError("--signal", "\"" + text + "\" is no signal (TERM, HUP, 9)");
}

void kill(const Options& options) {
  int signal = options.signal.empty() ? SIGKILL : signal_number(options.signal);
  lab::Control control = control_of(options.lab);
  if (is_process(control, options.target)) return control.signal_process(options.target, signal);
  if (!options.signal.empty())
    throw CLI::ValidationError("--signal", "a node or pod is killed, only a process takes signals");
  check_node(control, options.target);
  control.kill_node(options.target);
}

}  // namespace

void add_kill(CLI::App& app, Context&) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "kill", "kill a node, a pod or a process", kLabCommands, options, commands::kill);
  add_lab(*command, options->lab);
  command->add_option("TARGET", options->target, "a node, a pod, or PROCESS@NODE")->required()->type_name(kTarget);
  command->add_option("-s,--signal", options->signal, "to the process, instead of KILL")->type_name("SIGNAL");
  command->footer("A killed node runs nothing and is reached by nobody until `labctl restart`.");
}

}  // namespace commands
