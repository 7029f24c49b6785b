#include "labctl/supervisor/rulesets.h"

#include <fmt/format.h>

#include "labctl/supervisor/run_to_end.h"
#include "lib/netfilter/iptables.h"

namespace supervisor {
namespace {

constexpr std::chrono::seconds longest_load{30};

// Where the kernel has no nf_tables, the older variant of iptables is the only one, whatever the host's default is.
std::vector<std::string> command_for(const std::string& kind) {
  std::vector<std::string> command = plan::ruleset_command(kind);
  bool tables = kind == "iptables" || kind == "ip6tables";
  if (tables && !netfilter::Iptables::kernel_has_nf_tables()) command.front() = kind + "-legacy-restore";
  return command;
}

std::string failure_of(const plan::LoadRuleset& ruleset, const std::string& program, const CommandOutcome& outcome) {
  if (outcome.exit_code == 0) return "";
  std::string said = outcome.output;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (outcome.exit_code < 0) said = fmt::format("no end after {} s", longest_load.count());
  if (said.empty()) said = fmt::format("exit code {}", outcome.exit_code);
  return fmt::format("node {}: load the ruleset of {}: {}: {}", ruleset.node, ruleset.kind, program, said);
}

}  // namespace

void load_ruleset(boost::asio::io_context& loop, Reaper& reaper, Node& node, const plan::LoadRuleset& ruleset,
                  std::function<void(const std::string& failure)> done) {
  std::vector<std::string> command = command_for(ruleset.kind);
  std::string text = ruleset.text;
  if (!text.ends_with('\n')) text += '\n';  // iptables-restore wants every line ended
  auto ended = [ruleset, program = command.front(), done = std::move(done)](const CommandOutcome& outcome) {
    done(failure_of(ruleset, program, outcome));
  };
  run_to_end(loop, reaper, node, std::move(command), longest_load, std::move(ended), text);
}

}  // namespace supervisor
