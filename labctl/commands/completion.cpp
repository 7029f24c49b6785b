#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/command_model.h"

namespace commands {
namespace {

struct Options {
  std::string shell;
};

void print(const Options& options, Context& context) {
  std::vector<CommandModel> model = model_of(*context.application);
  context.out << (options.shell == "zsh" ? zsh_completion(model) : bash_completion(model));
}

}  // namespace

void add_completion(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "completion", "write the completion script of a shell", kOtherCommands,
                                           options, [&context](const Options& chosen) { print(chosen, context); });
  command->add_option("SHELL", options->shell, "bash or zsh")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->footer(
      "bash: source <(labctl completion bash), in ~/.bashrc\n"
      "zsh:  source <(labctl completion zsh), in ~/.zshrc after compinit");
}

}  // namespace commands
