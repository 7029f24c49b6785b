// `labctl test`, but for its command line.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "labctl/scenario/result.h"

namespace scenario {

struct TestOptions {
  std::vector<std::string> paths;  // files and folders
  std::string filter;
  unsigned jobs = 1;
  unsigned repeat = 1;
  std::optional<std::string> kernel;  // "host", "uml"; nothing: each topology's own choice
  unsigned memory_mib = 0;            // of an embedded kernel; 0: the default
  bool allow_writable = false;        // what topologies mount writable
  bool keep = false;                  // labs go on
  std::string junit;                  // a file; empty: none
  bool json = false;                  // to OUT, instead of what people read
  std::string output;                 // the folder for what failures leave; empty: a new one where files are temporary
  bool on_terminal = false;           // what people read goes to a terminal
  std::vector<std::string> worker;    // the command that runs run_worker()
  std::string version;                // labctl's own, for the reports
};

enum TestExit { kPassed = 0, kTestFailed = 1, kInvalid = 2, kCouldNotRun = 3, kNothingToTest = 4 };

// Returns the exit code; 130 where INTERRUPT (a descriptor) has become readable, and then every lab has ended, too.
// Throws lab::BadInput and base::Error for what keeps all of it from running.
int test_main(const TestOptions& options, std::ostream& out, std::ostream& err, int interrupt);

// The worst of them decides.
int exit_code_of(const std::vector<RunResult>& runs);

}  // namespace scenario
