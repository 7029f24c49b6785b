#include <CLI/CLI.hpp>

#include "labctl/commands/commands.h"

namespace commands {

// In the order of the help.
void add_all(CLI::App& app, Context& context) {
  add_up(app, context);
  add_apply(app, context);
  add_down(app, context);
  add_ps(app, context);
  add_exec(app, context);
  add_cp(app, context);
  add_forward(app, context);
  add_kubectl(app, context);
  add_logs(app, context);
  add_show(app, context);
  add_capture(app, context);
  add_restart(app, context);
  add_kill(app, context);
  add_fault(app, context);
  add_test(app, context);
  add_validate(app, context);
  add_plan(app, context);
  add_graph(app, context);
  add_doctor(app, context);
  add_schema(app, context);
  add_reference(app, context);
  add_version(app, context);
  add_completion(app, context);
  add_complete(app, context);
}

}  // namespace commands
