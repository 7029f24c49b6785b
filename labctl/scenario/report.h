// Results as texts: for people, for CI (JUnit), for scripts (JSON is in result.h).
#pragma once

#include <string>
#include <vector>

#include "labctl/scenario/result.h"

namespace scenario {

// One line, and what explains it where it failed: "  ok    3  replies alternate (120 ms)".
std::string step_text(const StepResult& step, std::size_t number);
// The line above a run's steps, once its lab is up: "ipvs-nat: up after 1.2 s on user-mode Linux 6.1 (uml)".
std::string up_text(const RunResult& run);
// What a run ended with, below its steps: "ipvs-nat: passed (7 steps, 9.8 s)".
std::string end_text(const RunResult& run);
// "12 passed, 1 failed, 1 could not run (38.2 s)"
std::string summary_text(const std::vector<RunResult>& runs, Duration took);

// JUnit XML as CI systems read it: a test suite a topology, a test case a step. LABCTL_VERSION goes into the
// properties.
std::string junit_xml(const std::vector<RunResult>& runs, Duration took, const std::string& labctl_version);

// What XML 1.0 may carry: markup escaped, control characters as U+FFFD, and so is what is not UTF-8.
std::string xml_escaped(const std::string& text);

}  // namespace scenario
