#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"

namespace commands {
namespace {

struct Options {
  std::string lab;
  std::string target;
};

void restart(const Options& options) {
  lab::Control control = control_of(options.lab);
  if (is_process(control, options.target)) return control.restart_process(options.target);
  check_node(control, options.target);
  control.restart_node(options.target);
}

}  // namespace

void add_restart(CLI::App& app, Context&) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "restart", "restart a node, as a reboot does, or a process",
                                           kLabCommands, options, restart);
  add_lab(*command, options->lab);
  command->add_option("TARGET", options->target, "a node, or PROCESS@NODE")->required()->type_name(kTarget);
  command->footer(
      "A node is built anew: its tables are lost, its links and processes come back. A process is ended (SIGTERM, "
      "after\n"
      "3 s SIGKILL) and started again; it is running when this returns. So is an agent that you have rebuilt.");
}

}  // namespace commands
