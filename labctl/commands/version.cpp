#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/kernel/lab.h"

namespace commands {
namespace {

struct Options {
  bool json = false;
};

void show(const Options& options, Context& context) {
  if (!options.json) {
    context.out << "labctl " << LABCTL_VERSION << "\n";
    return;
  }
  boost::json::object version{{"version", LABCTL_VERSION},
                              {"compiler", __VERSION__},
                              {"programs", kernel::Installation::find().libexec.string()}};
  context.out << boost::json::serialize(version) << "\n";
}

}  // namespace

void add_version(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "version", "say which labctl this is", kOtherCommands, options,
                                           [&context](const Options& chosen) { show(chosen, context); });
  add_json(*command, options->json);
}

}  // namespace commands
