#include <CLI/CLI.hpp>
#include <cstdlib>

#include "labctl/commands/arguments.h"
#include "labctl/commands/terminal.h"
#include "labctl/lab/exec_streams.h"

namespace commands {
namespace {

struct Options {
  std::string lab;
  std::string node;
  bool terminal = false;
  bool no_terminal = false;
  bool no_input = false;
  bool input = false;
  std::vector<std::string> environment;
  std::string working_directory = "/";
};

bool wants_input(const Options& options) {
  return !options.no_input && (options.input || !is_in_background(0));
}

bool wants_terminal(const Options& options) {
  if (options.terminal) return true;
  return !options.no_terminal && wants_input(options) && is_terminal(0) && is_terminal(1);
}

// bash where there is one; a shell that is asked for by nobody's name reads its commands from standard input.
std::vector<std::string> shell() {
  return {"sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi"};
}

std::map<std::string, std::string> environment_of(const Options& options, bool terminal) {
  std::map<std::string, std::string> environment;
  const char* kind = std::getenv("TERM");
  if (terminal && kind != nullptr && *kind != '\0') environment["TERM"] = kind;
  for (const std::string& variable : options.environment) {
    std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw CLI::ValidationError("--env", "\"" + variable + "\" is not NAME=VALUE");
    }
    environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return environment;
}

int exit_code_of(const lab::ExecResult& result, lab::Control& control, const Options& options, Context& context) {
  if (result.could_not_start.empty()) return result.exit_code;
  check_node(control, options.node);
  context.err << "labctl: " << result.could_not_start << "\n";
  return kNotFound;
}

void execute(const Options& options, Context& context) {
  context.failure_code = kLabctlFailed;
  lab::Control control = control_of(options.lab);
  lab::ExecRequest request;
  bool terminal = wants_terminal(options);
  request.node = options.node;
  request.arguments = context.tail.empty() ? shell() : context.tail;
  request.environment = environment_of(options, terminal);
  request.working_directory = options.working_directory;
  if (terminal) request.terminal = window_size();
  lab::ExecStreams streams;
  streams.input = wants_input(options) ? 0 : -1;
  streams.output = 1;
  streams.error_output = 2;
  streams.pass_signals = true;
  streams.window_size = window_size;
  context.out.flush();
  lab::ExecResult result;
  {
    RawTerminal raw(terminal && wants_input(options) ? 0 : -1);
    result = lab::exec_with_streams(control.folder(), request, streams);
  }
  context.exit_code = exit_code_of(result, control, options, context);
}

}  // namespace

void add_exec(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "exec", "run a command, or a shell, in a node or pod", kLabCommands,
                                           options, [&context](const Options& chosen) { execute(chosen, context); });
  add_lab(*command, options->lab);
  command->add_option("NODE", options->node, "a node, or a pod (default/web-5d9c)")->required()->type_name(kNode);
  // Taken off before CLI11 sees it (tail.h); for help and completion.
  command->add_option("COMMAND", context.tail, "what to run there; a shell where left out")->type_name("COMMAND");
  auto* terminal = command->add_flag("-t,--terminal", options->terminal, "give it a terminal, also where this is none");
  command->add_flag("-T,--no-terminal", options->no_terminal, "give it none")->excludes(terminal);
  auto* input = command->add_flag("-i,--input", options->input, "pass standard input on, also in the background");
  command->add_flag("-n,--no-input", options->no_input, "do not read standard input")->excludes(input);
  command->add_option("-e,--env", options->environment, "set a variable; may be given several times")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--cwd", options->working_directory, "the folder to run it in; / if not given")->type_name("DIR");
  context.tails["exec"] = {2, true};
  command->footer(
      "What comes after NODE and the options is the command's own: labctl exec web rs1 ip -s link. A \"--\" may stand\n"
      "before it. It gets a terminal where labctl's input and output are one. SIGINT, SIGTERM, SIGHUP and SIGQUIT are\n"
      "passed on to it.\n"
      "\n"
      "Exit codes: those of the command, 128 + the signal where one ended it; 127 where it could not be started; 125\n"
      "where labctl itself failed (no such lab or node, a lab that died).");
}

}  // namespace commands
