#include "labctl/scenario/result.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

namespace json = boost::json;

constexpr std::array<const char*, 3> step_outcomes{"passed", "failed", "not run"};
constexpr std::array<const char*, 4> run_outcomes{"passed", "failed", "invalid", "could not run"};

template <class Outcome, class Names>
Outcome outcome_named(const Names& names, const std::string& name) {
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw base::Error("no outcome \"" + name + "\"");
  return static_cast<Outcome>(found - names.begin());
}

Duration duration_at(const json::object& object, const char* key) {
  return Duration(kube::number_at(object, key));
}

}  // namespace

std::string to_string(StepResult::Outcome outcome) {
  return step_outcomes.at(static_cast<size_t>(outcome));
}

std::string to_string(RunResult::Outcome outcome) {
  return run_outcomes.at(static_cast<size_t>(outcome));
}

json::object to_json(const StepResult& step) {
  json::array evidence;
  for (const Evidence& it : step.evidence) evidence.push_back(json::object{{"title", it.title}, {"text", it.text}});
  return {{"line", step.at.line},
          {"column", step.at.column},
          {"what", step.what},
          {"outcome", to_string(step.outcome)},
          {"expected", step.expected},
          {"seen", step.seen},
          {"milliseconds", step.took.count()},
          {"looks", step.looks},
          {"evidence", std::move(evidence)}};
}

json::object to_json(const RunResult& run) {
  json::object tools;
  for (const auto& [tool, version] : run.tools) tools[tool] = version;
  json::array steps;
  for (const StepResult& step : run.steps) steps.push_back(to_json(step));
  return {{"path", run.path},
          {"topology", run.topology},
          {"lab", run.lab},
          {"repetition", run.repetition},
          {"outcome", to_string(run.outcome)},
          {"why", run.why},
          {"kernel", json::object{{"provider", run.provider}, {"version", run.kernel_version}, {"reason", run.reason}}},
          {"tools", std::move(tools)},
          {"cameUp", run.came_up},
          {"bringUpMilliseconds", run.bring_up.count()},
          {"milliseconds", run.took.count()},
          {"kept", run.kept},
          {"folder", run.folder},
          {"steps", std::move(steps)}};
}

StepResult parse_step_result(const json::object& object) {
  StepResult step;
  step.at.line = static_cast<unsigned>(kube::number_at(object, "line"));
  step.at.column = static_cast<unsigned>(kube::number_at(object, "column"));
  step.what = kube::text_at(object, "what");
  step.outcome = outcome_named<StepResult::Outcome>(step_outcomes, kube::text_at(object, "outcome"));
  step.expected = kube::text_at(object, "expected");
  step.seen = kube::text_at(object, "seen");
  step.took = duration_at(object, "milliseconds");
  step.looks = static_cast<unsigned>(kube::number_at(object, "looks"));
  for (const json::value& it : kube::array_at(object, "evidence")) {
    step.evidence.push_back({kube::text_at(it.as_object(), "title"), kube::text_at(it.as_object(), "text")});
  }
  return step;
}

RunResult parse_run_result(const json::object& object) {
  RunResult run;
  run.path = kube::text_at(object, "path");
  run.topology = kube::text_at(object, "topology");
  run.lab = kube::text_at(object, "lab");
  run.repetition = static_cast<unsigned>(kube::number_at(object, "repetition", 1));
  run.outcome = outcome_named<RunResult::Outcome>(run_outcomes, kube::text_at(object, "outcome"));
  run.why = kube::text_at(object, "why");
  run.provider = kube::text_at(object, "kernel.provider");
  run.kernel_version = kube::text_at(object, "kernel.version");
  run.reason = kube::text_at(object, "kernel.reason");
  if (const json::value* tools = object.if_contains("tools")) {
    for (const auto& tool : tools->as_object()) run.tools.emplace_back(tool.key(), tool.value().as_string());
  }
  run.came_up = kube::flag_at(object, "cameUp");
  run.bring_up = duration_at(object, "bringUpMilliseconds");
  run.took = duration_at(object, "milliseconds");
  run.kept = kube::flag_at(object, "kept");
  run.folder = kube::text_at(object, "folder");
  for (const json::value& step : kube::array_at(object, "steps"))
    run.steps.push_back(parse_step_result(step.as_object()));
  return run;
}

}  // namespace scenario
