#include <fmt/format.h>

#include <map>

#include "labctl/scenario/report.h"
#include "labctl/scenario/texts.h"

namespace scenario {
namespace {

constexpr const char* detail_indent = "        ";

std::string paragraph(const std::string& title, const std::string& text) {
  if (text.empty()) return {};
  bool short_one = text.find('\n') == std::string::npos;
  if (short_one) return fmt::format("{}{}: {}\n", detail_indent, title, text);
  return fmt::format("{}{}:\n{}\n", detail_indent, title, indented(text, std::string(detail_indent) + "  "));
}

std::string name_of(const RunResult& run) {
  std::string name = run.topology.empty() ? run.path : run.topology;
  return run.repetition > 1 ? fmt::format("{} #{}", name, run.repetition) : name;
}

std::string plural(size_t count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

std::string step_text(const StepResult& step, std::size_t number) {
  const char* mark = step.outcome == StepResult::Outcome::passed   ? "ok"
                     : step.outcome == StepResult::Outcome::failed ? "FAILED"
                                                                   : "not run";
  bool passed = step.outcome == StepResult::Outcome::passed;
  std::string looks = passed && step.looks > 1 ? fmt::format(", {} looks", step.looks) : "";
  std::string time =
      step.outcome == StepResult::Outcome::not_run ? "" : fmt::format(" ({}{})", in_words(step.took), looks);
  std::string text = fmt::format("  {:<8}{:>2}  {}{}\n", mark, number, step.what, time);
  if (step.outcome != StepResult::Outcome::failed) return text;
  text += paragraph("expected", step.expected);
  text += paragraph(step.looks > 1 ? fmt::format("seen at the last of {} looks", step.looks) : "seen", step.seen);
  for (const Evidence& it : step.evidence) text += paragraph(it.title, it.text);
  return text;
}

std::string up_text(const RunResult& run) {
  return fmt::format("{}: up after {} on {} ({})\n", name_of(run), in_words(run.bring_up), run.kernel_version,
                     run.provider);
}

std::string end_text(const RunResult& run) {
  std::string text = fmt::format("{}: {}", name_of(run), to_string(run.outcome));
  if (run.outcome == RunResult::Outcome::passed) {
    text +=
        run.steps.empty() ? " (it has no scenario: it came up" : fmt::format(" ({}", plural(run.steps.size(), "step"));
    text += fmt::format(", {})", in_words(run.took));
  } else if (!run.why.empty()) {
    text += run.why.find('\n') == std::string::npos ? ": " + run.why : ":\n" + indented(run.why, "    ");
  }
  text += "\n";
  if (!run.folder.empty()) text += fmt::format("    what is left of it: {}\n", run.folder);
  if (run.kept) text += fmt::format("    its lab goes on: labctl exec {0} NODE; labctl down {0}\n", run.lab);
  return text;
}

std::string summary_text(const std::vector<RunResult>& runs, Duration took) {
  std::map<RunResult::Outcome, size_t> counts;
  for (const RunResult& run : runs) ++counts[run.outcome];
  std::string text;
  for (const auto& [outcome, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(outcome));
  }
  return fmt::format("{} ({})\n", text, in_words(took));
}

}  // namespace scenario
