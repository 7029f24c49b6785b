#include "labctl/scenario/access.h"

#include <fmt/format.h>

#include "lib/base/error.h"

namespace scenario {

std::string run_checked(LabAccess& access, const lab::Command& command) {
  lab::CommandResult result = access.run(command);
  if (result.exit_code == 0 && !result.timed_out) return std::move(result.output);
  std::string what = fmt::format("{}: {}", command.node, command.arguments.front());
  if (result.timed_out) throw base::Error(what + " took too long");
  std::string words = result.error_output.substr(0, result.error_output.find_last_not_of('\n') + 1);
  throw base::Error(fmt::format("{} ended with exit code {}: {}", what, result.exit_code, words));
}

}  // namespace scenario
