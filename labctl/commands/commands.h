// The commands of labctl: one function, in one file, each; registry.cpp has the list of them.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace commands {

// What labctl ends with. `exec` and `kubectl` end with what their command does, and see ExecExit.
enum Exit { kOk = 0, kFailed = 1, kBadInput = 2, kCannotRun = 3 };
// Of `exec` and `kubectl`, so that their command's own codes can be told apart: labctl failed, the command was not
// found.
enum ExecExit { kLabctlFailed = 125, kNotFound = 127 };

// Arguments that belong to another program's command line.
struct Tail {
  std::size_t after = 0;         // how many arguments of labctl's own stand before it
  bool options_between = false;  // whether options may follow the last of them
};

// What a command works with. OUT and ERR are its standard streams.
struct Context {
  Context(std::ostream& output, std::ostream& error_output) : out(output), err(error_output) {}

  std::ostream& out;
  std::ostream& err;
  int exit_code = kOk;
  int failure_code = kFailed;         // where it ends with a base::Error
  std::map<std::string, Tail> tails;  // by command
  std::vector<std::string> tail;      // those of the command that runs
  const CLI::App* application = nullptr;
};

// Each adds its command to APP. What runs may throw: run.cpp says what becomes of that.
void add_up(CLI::App& app, Context& context);
void add_apply(CLI::App& app, Context& context);
void add_down(CLI::App& app, Context& context);
void add_ps(CLI::App& app, Context& context);
void add_exec(CLI::App& app, Context& context);
void add_cp(CLI::App& app, Context& context);
void add_forward(CLI::App& app, Context& context);
void add_kubectl(CLI::App& app, Context& context);
void add_logs(CLI::App& app, Context& context);
void add_show(CLI::App& app, Context& context);
void add_capture(CLI::App& app, Context& context);
void add_restart(CLI::App& app, Context& context);
void add_kill(CLI::App& app, Context& context);
void add_fault(CLI::App& app, Context& context);
void add_test(CLI::App& app, Context& context);
void add_validate(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_graph(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_schema(CLI::App& app, Context& context);
void add_reference(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);
void add_complete(CLI::App& app, Context& context);

// The groups of the help, and where the list of commands is.
inline constexpr const char* kLabCommands = "Running labs";
inline constexpr const char* kTopologyCommands = "Topologies";
inline constexpr const char* kOtherCommands = "About labctl";
void add_all(CLI::App& app, Context& context);

}  // namespace commands
