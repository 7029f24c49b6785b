#include "labctl/lab/kubectl.h"

#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"

namespace commands {
namespace {

struct Options {
  std::string lab;
};

}  // namespace

void add_kubectl(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "kubectl", "run the host's kubectl against a lab's API server",
                                           kLabCommands, options, [&context](const Options& chosen) {
                                             context.failure_code = kLabctlFailed;
                                             lab::Control control = control_of(chosen.lab);
                                             context.out.flush();
                                             context.exit_code = lab::run_kubectl(control, context.tail);
                                           });
  add_lab(*command, options->lab);
  // Taken off before CLI11 sees it (tail.h); for help and completion.
  command->add_option("ARGUMENT", context.tail, "kubectl's own arguments")->type_name("COMMAND");
  context.tails["kubectl"] = {1, false};
  command->footer(
      "Everything after LAB is kubectl's: labctl kubectl web get pods -o wide. Your own kubeconfig is left alone, "
      "your\n"
      "files are there as ever (apply -f web.yaml).\n"
      "\n"
      "Exit codes: kubectl's; 125 where labctl itself failed (no such lab, no cluster in it).");
}

}  // namespace commands
