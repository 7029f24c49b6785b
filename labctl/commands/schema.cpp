#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/topology/topology.h"

namespace commands {
namespace {

struct Nothing {};

}  // namespace

void add_schema(CLI::App& app, Context& context) {
  CLI::App* command = add_command<Nothing>(
      app, "schema", "write the JSON Schema of topologies, for editors", kOtherCommands, std::make_shared<Nothing>(),
      [&context](const Nothing&) { context.out << topology::json_schema() << "\n"; });
  command->footer(
      "labctl schema > labctl.schema.json; then, first in a topology:\n"
      "  # yaml-language-server: $schema=labctl.schema.json");
}

}  // namespace commands
