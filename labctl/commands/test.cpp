#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/interrupt.h"
#include "labctl/commands/terminal.h"
#include "labctl/scenario/run_one.h"
#include "labctl/scenario/test_main.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace commands {
namespace {

constexpr const char* kWorker = "test-worker";

struct Options {
  scenario::TestOptions test;
  std::string kernel = "auto";
};

void run_tests(const Options& chosen, Context& context) {
  scenario::TestOptions options = chosen.test;
  if (chosen.kernel != "auto") options.kernel = chosen.kernel;
  options.on_terminal = is_terminal(options.json ? 2 : 1);
  options.worker = {"/proc/self/exe", kWorker};
  options.version = LABCTL_VERSION;
  Interrupt interrupt;
  context.exit_code = scenario::test_main(options, context.out, context.err, interrupt.descriptor());
  if (interrupt.signal() != 0) context.exit_code = 128 + interrupt.signal();
}

// What the worker starts must not keep the pipe open by which it is heard.
void run_worker(Context& context) {
  base::FileDescriptor output(base::check_system("keep standard output", ::fcntl(1, F_DUPFD_CLOEXEC, 3)));
  base::FileDescriptor nothing = base::open_file("/dev/null", O_WRONLY);
  base::check_system("replace standard output", ::dup2(nothing.get(), 1));
  context.exit_code = scenario::run_worker(0, output.get());
}

}  // namespace

void add_test(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "test", "prove what topologies say they show", kLabCommands, options,
                                           [&context](const Options& chosen) { run_tests(chosen, context); });
  scenario::TestOptions& test = options->test;
  command->add_option("FILE", test.paths, "topologies, or folders of them")->required()->type_name(kFile);
  command->add_option("--filter", test.filter, "only those with this text in their path or name")->type_name("TEXT");
  command->add_option("-j,--jobs", test.jobs, "how many labs at a time")->type_name("N")->check(CLI::Range(1u, 256u));
  command->add_option("--repeat", test.repeat, "each this often")->type_name("N")->check(CLI::Range(1u, 100000u));
  command->add_option("--kernel", options->kernel, "auto, host or uml (an embedded kernel)")
      ->type_name("KERNEL")
      ->check(CLI::IsMember({"auto", "host", "uml"}));
  command->add_option("--memory", test.memory_mib, "MiB for an embedded kernel; 1024 if not given")
      ->type_name("MIB")
      ->check(CLI::Range(64u, 1u << 20));
  add_allow_writable(*command, test.allow_writable);
  command->add_flag("--keep", test.keep, "let the labs go on afterwards, with all faults healed");
  command->add_option("--junit", test.junit, "write a JUnit report for CI to this file")->type_name("PATH");
  command->add_option("--output", test.output, "the folder for what explains failures; if not given, below /tmp")
      ->type_name("PATH");
  add_json(*command, test.json);
  command->footer(
      "Each topology is brought up under a name of its own, its scenario run, and brought down; one without a "
      "scenario\n"
      "passes when it comes up. Ends with 0: all passed; 1: one failed; 2: a topology is at fault; 3: one could not "
      "run\n"
      "here (it says what is lacking); 4: there was nothing to test. A failure leaves a folder with events, outputs,\n"
      "logs and every node's tables.");

  auto nothing = std::make_shared<int>(0);
  add_command<int>(app, kWorker, "runs one test for labctl test", "", nothing,
                   [&context](const int&) { run_worker(context); });
}

}  // namespace commands
