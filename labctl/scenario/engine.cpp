#include "labctl/scenario/engine.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "labctl/scenario/evidence.h"
#include "labctl/scenario/look.h"
#include "labctl/scenario/resolver.h"
#include "labctl/scenario/texts.h"
#include "lib/base/error.h"

namespace scenario {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Between two looks: short at first, as most things happen soon, then longer, as each look costs the lab something.
constexpr milliseconds first_pause{50};
constexpr milliseconds longest_pause{1000};

StepResult not_run(const topology::Step& step) {
  StepResult result;
  result.at = step.at;
  result.what = describe(step);
  return result;
}

void check(const lab::CommandResult& result) {
  if (result.exit_code != 0 || result.timed_out) throw base::Error(describe(result));
}

Look look_or_say_why_not(LabAccess& access, const topology::Topology& topology, const topology::Expectation& what) {
  try {
    Resolver resolver(access, topology);
    return look(access, resolver, what);
  } catch (const std::exception& error) {
    return {false, error.what()};
  }
}

}  // namespace

std::vector<StepResult> Engine::run(const Callbacks& callbacks) {
  std::vector<StepResult> results;
  bool failed = false;
  for (const topology::Step& step : topology_.scenario) {
    if (failed) {
      results.push_back(not_run(step));
    } else {
      if (callbacks.begins) callbacks.begins(describe(step));
      results.push_back(run(step));
      failed = results.back().outcome == StepResult::Outcome::failed;
    }
    if (callbacks.ended) callbacks.ended(results.back());
  }
  return results;
}

StepResult Engine::run(const topology::Step& step) {
  StepResult result = not_run(step);
  result.outcome = StepResult::Outcome::passed;
  Clock::time_point begin = Clock::now();
  try {
    if (const auto* expectation = std::get_if<topology::Expect>(&step.action)) expect(*expectation, result);
    std::visit([&](const auto& action) { act(action); }, step.action);
  } catch (const std::exception& error) {
    result.outcome = StepResult::Outcome::failed;
    result.seen = error.what();
  }
  result.took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  if (result.outcome == StepResult::Outcome::failed) result.evidence = explain(access_, topology_, step);
  return result;
}

void Engine::expect(const topology::Expect& expect, StepResult& result) {
  result.expected = expected(expect.what);
  if (expect.within) result.expected += fmt::format(", within {}", in_words(*expect.within));
  Clock::time_point deadline = Clock::now() + expect.within.value_or(milliseconds(0));
  for (milliseconds pause = first_pause;; pause = std::min(pause * 3 / 2, longest_pause)) {
    // The last look begins at the deadline or after it.
    bool last = Clock::now() >= deadline;
    Look look = look_or_say_why_not(access_, topology_, expect.what);
    ++result.looks;
    result.seen = look.seen;
    if (look.holds) return;
    if (last) break;
    std::this_thread::sleep_until(std::min(Clock::now() + pause, std::max(deadline, Clock::now())));
  }
  result.outcome = StepResult::Outcome::failed;
}

void Engine::act(const topology::Do& command) {
  Resolver resolver(access_, topology_);
  lab::Command run;
  run.node = resolver.place(command.on.value);
  run.arguments = {"sh", "-c", resolver.text(command.command, topology::TextKind::command_line)};
  run.timeout = command_patience;
  check(access_.run(run));
}

void Engine::act(const topology::Kubectl& kubectl) {
  std::string line = Resolver(access_, topology_).text(kubectl.arguments, topology::TextKind::command_line);
  check(access_.kubectl(split_command_line(line), command_patience));
}

void Engine::act(const topology::Kill& kill) {
  Resolver resolver(access_, topology_);
  switch (kill.what) {
    case topology::Kill::What::process:
      access_.signal_process(kill.name.value, SIGKILL);
      killed_processes_.push_back(kill.name.value);
      break;
    // Its kubelet starts it again, or its controller makes another.
    case topology::Kill::What::pod:
      access_.kill_node(resolver.pod(kill.name.value));
      break;
    case topology::Kill::What::node: {
      std::string node = resolver.text(kill.name.value);
      access_.kill_node(node);
      killed_nodes_.push_back(node);
      break;
    }
  }
}

void Engine::act(const topology::RestartProcess& restart) {
  access_.restart_process(restart.process.value);
  std::erase(killed_processes_, restart.process.value);
}

void Engine::heal() {
  for (const std::string& node : killed_nodes_) access_.restart_node(node);
  for (const std::string& process : killed_processes_) {
    std::string node = process.substr(process.find('@') + 1);
    bool back_already = std::find(killed_nodes_.begin(), killed_nodes_.end(), node) != killed_nodes_.end();
    if (!back_already) access_.restart_process(process);
  }
  killed_nodes_.clear();
  killed_processes_.clear();
}

}  // namespace scenario
