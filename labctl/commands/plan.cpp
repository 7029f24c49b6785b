#include "labctl/plan/plan.h"

#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/lab/start.h"

namespace commands {
namespace {

struct Options {
  std::string file;
  std::string name;
  bool shell = false;
  bool json = false;
};

void show(const Options& options, Context& context) {
  plan::Plan plan = plan::make_plan(lab::read_topology(options.file), options.name);
  if (options.shell) {
    context.out << plan::to_shell(plan);
  } else if (options.json) {
    context.out << plan::to_json(plan) << "\n";
  } else {
    context.out << plan::to_text(plan);
  }
}

}  // namespace

void add_plan(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "plan", "show what `up` would do to a kernel", kTopologyCommands,
                                           options, [&context](const Options& chosen) { show(chosen, context); });
  command->add_option("FILE", options->file, "the topology; - is standard input")->required()->type_name(kFile);
  command->add_option("-n,--name", options->name, "another name for the lab than the topology's")->type_name("NAME");
  CLI::Option* shell = command->add_flag("--shell", options->shell, "as the commands that a person would type");
  add_json(*command, options->json)->excludes(shell);
  command->footer(
      "Touches nothing. --shell gives a script of ip, ipvsadm and sysctl; what agents write later is not in it.");
}

}  // namespace commands
