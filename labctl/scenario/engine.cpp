#include "labctl/scenario/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "labctl/scenario/capturing.h"
#include "labctl/scenario/evidence.h"
#include "labctl/scenario/look.h"
#include "labctl/scenario/resolver.h"
#include "labctl/scenario/texts.h"
#include "labctl/topology/injection.h"
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

// What cannot be seen holds neither, and is no proof of the contrary.
struct Attempt {
  Look look;
  bool blind = false;
};

Attempt attempt(LabAccess& access, const topology::Topology& topology, const topology::Expectation& what) {
  try {
    Resolver resolver(access, topology);
    return {look(access, resolver, what), false};
  } catch (const std::exception& error) {
    return {{false, error.what()}, true};
  }
}

// The longest that is looked, and whether a look ends it before: whether it holds is then known.
struct Period {
  explicit Period(const topology::Expect& expect) : expect_(expect) {}
  milliseconds length() const { return expect_.always ? *expect_.always : expect_.never ? *expect_.never : within(); }
  bool ended_by(const Attempt& it) const {
    if (expect_.always) return !it.look.holds;
    return it.look.holds || (expect_.never && it.blind);
  }
  bool passed(const Attempt& last) const { return expect_.never ? !last.look.holds && !last.blind : last.look.holds; }

 private:
  milliseconds within() const { return expect_.within.value_or(milliseconds(0)); }
  const topology::Expect& expect_;
};

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
  Period period(expect);
  result.expected = expected(expect.what) + period_words(expect);
  Clock::time_point deadline = Clock::now() + period.length();
  for (milliseconds pause = first_pause;; pause = std::min(pause * 3 / 2, longest_pause)) {
    // The last look begins at the deadline or after it.
    bool last = Clock::now() >= deadline;
    Attempt it = attempt(access_, topology_, expect.what);
    ++result.looks;
    result.seen = it.look.seen;
    if (last || period.ended_by(it)) {
      if (period.passed(it)) return;
      result.outcome = StepResult::Outcome::failed;
      result.expected = resolved(std::move(result.expected));
      return;
    }
    std::this_thread::sleep_until(std::min(Clock::now() + pause, std::max(deadline, Clock::now())));
  }
}

// What cannot be resolved is left as the scenario has it.
std::string Engine::resolved(std::string text) {
  try {
    return Resolver(access_, topology_).text(text, topology::TextKind::command_line);
  } catch (const std::exception&) {
    return text;
  }
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
  check(access_.kubectl(split_command_line(line), {}, command_patience));
}

void Engine::act(const topology::Apply& apply) {
  std::string object = Resolver(access_, topology_).text(apply.object, topology::TextKind::command_line);
  check(access_.kubectl({"apply", "-f", "-"}, object, command_patience));
}

topology::Injection Engine::resolved(topology::Injection what) {
  Resolver resolver(access_, topology_);
  if (auto* fault = std::get_if<topology::TargetFault>(&what)) {
    std::string& name = fault->target.name.value;
    name = fault->target.kind == topology::Target::Kind::pod ? resolver.pod(name) : resolver.text(name);
  }
  auto resolve_link = [&](std::string& written) {
    auto [place, link] = topology::split_link(written);
    written = resolver.place(place) + ":" + link;
  };
  if (auto* fault = std::get_if<topology::LinkFault>(&what)) resolve_link(fault->link.value);
  if (auto* impair = std::get_if<topology::Impair>(&what)) resolve_link(impair->link.value);
  return what;
}

void Engine::act(const topology::Inject& fault) {
  std::optional<std::uint64_t> id = access_.inject(topology::to_json(resolved(fault.what)));
  if (id) injected_[boost::json::serialize(topology::to_json(fault.what))] = *id;
}

void Engine::act(const topology::Heal& heal) {
  if (!heal.what) {
    injected_.clear();
    return access_.heal_all();
  }
  auto found = injected_.find(boost::json::serialize(topology::to_json(*heal.what)));
  if (found == injected_.end()) throw base::Error(topology::describe(*heal.what) + ": it does not stay on");
  std::uint64_t id = found->second;
  injected_.erase(found);
  // It may be over by itself: a process has come back, a link was set up.
  if (is_on(id)) access_.heal(id);
}

bool Engine::is_on(std::uint64_t fault) {
  boost::json::array on = access_.faults();
  return std::any_of(on.begin(), on.end(),
                     [&](const boost::json::value& it) { return it.at("id").to_number<std::uint64_t>() == fault; });
}

void Engine::act(const topology::Wait& wait) {
  std::this_thread::sleep_for(wait.time);
}

void Engine::act(const topology::Capture& capture) {
  Resolver resolver(access_, topology_);
  start_capture(access_, resolver, capture);
}

}  // namespace scenario
