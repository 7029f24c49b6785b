#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/topology/topology.h"

namespace commands {
namespace {

struct Nothing {};

}  // namespace

void add_reference(CLI::App& app, Context& context) {
  add_command<Nothing>(app, "reference", "write what topologies may say: every key, its meaning, an example",
                       kOtherCommands, std::make_shared<Nothing>(),
                       [&context](const Nothing&) { context.out << topology::reference(); });
}

}  // namespace commands
