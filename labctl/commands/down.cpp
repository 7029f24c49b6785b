#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/output.h"

namespace commands {
namespace {

struct Options {
  std::vector<std::string> labs;
  bool all = false;
};

// With what it left, where it is dead.
void end(const std::string& name, Context& context) {
  lab::LabFolder folder = lab::lab_folder(name);
  if (!folder.is_genuine()) folder = lab::find_lab(name);
  bool alive = folder.alive();
  lab::end_lab(folder);
  context.out << "lab " << folder.name << (alive ? " has ended\n" : " had ended already\n") << std::flush;
}

// Each is ended, whatever becomes of the others.
void end_labs(const Options& options, Context& context) {
  std::vector<std::string> names = options.labs;
  if (options.all) {
    for (const lab::LabFolder& folder : lab::all_labs()) names.push_back(folder.name);
  }
  for (const std::string& name : names) {
    try {
      end(name, context);
    } catch (const base::Error& error) {
      context.err << "labctl: " << error.what() << "\n";
      context.exit_code = kFailed;
    }
  }
}

}  // namespace

void add_down(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "down", "end labs; nothing is left of them", kLabCommands, options,
                                           [&context](const Options& chosen) {
                                             if (chosen.labs.empty() && !chosen.all)
                                               throw CLI::RequiredError("LAB or --all");
                                             end_labs(chosen, context);
                                           });
  CLI::Option* labs = command->add_option("LAB", options->labs, "the labs' names")->type_name(kLab);
  command->add_flag("-a,--all", options->all, "all labs of yours")->excludes(labs);
  command->footer("A lab that does not answer is killed after 5 s; the kernel then takes away all that was in it.");
}

}  // namespace commands
