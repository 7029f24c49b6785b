// What became of a scenario: data, made into texts by the reports.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "labctl/topology/faults.h"

namespace scenario {

using Duration = std::chrono::milliseconds;

// The state that explains a failure: "routes of client", and the text.
struct Evidence {
  std::string title;
  std::string text;
};

struct StepResult {
  enum class Outcome { passed, failed, not_run };
  topology::Location at;
  std::string what;  // the step, for people
  Outcome outcome = Outcome::not_run;
  std::string expected;
  std::string seen;
  Duration took{0};
  unsigned looks = 0;  // how often an expectation was looked at
  std::vector<Evidence> evidence;
};

// One topology, once.
struct RunResult {
  // invalid: the topology is at fault; could_not_run: this machine lacks what it needs.
  enum class Outcome { passed, failed, invalid, could_not_run };
  std::string path;
  std::string topology;  // its name
  std::string lab;
  unsigned repetition = 1;
  Outcome outcome = Outcome::could_not_run;
  std::string why;  // of all but passed
  std::string provider, kernel_version, reason;
  std::vector<std::pair<std::string, std::string>> tools;  // and their versions, where the lab ran
  Duration bring_up{0};
  Duration took{0};
  bool came_up = false;
  bool kept = false;
  std::string folder;  // of what is left of a failure
  std::vector<StepResult> steps;
};

boost::json::object to_json(const StepResult& step);
boost::json::object to_json(const RunResult& run);
StepResult parse_step_result(const boost::json::object& object);
RunResult parse_run_result(const boost::json::object& object);

std::string to_string(StepResult::Outcome outcome);
std::string to_string(RunResult::Outcome outcome);

}  // namespace scenario
