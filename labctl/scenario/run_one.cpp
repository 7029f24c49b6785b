#include "labctl/scenario/run_one.h"

#include <filesystem>
#include <functional>

#include "labctl/lab/start.h"
#include "labctl/scenario/control_access.h"
#include "labctl/scenario/engine.h"
#include "labctl/scenario/evidence.h"
#include "labctl/scenario/remains.h"
#include "labctl/scenario/texts.h"
#include "labctl/scenario/versions.h"
#include "lib/base/error.h"

namespace scenario {
namespace {

using Clock = std::chrono::steady_clock;

Duration since(Clock::time_point begin) {
  return std::chrono::duration_cast<Duration>(Clock::now() - begin);
}

// Should everybody who watches over the lab be killed, it ends by itself some time after the last step would have.
std::chrono::seconds longest(const topology::Topology& topology) {
  std::chrono::milliseconds all = std::chrono::minutes(5);
  for (const topology::Step& step : topology.scenario) {
    all += 2 * command_patience;
    if (const auto* wait = std::get_if<topology::Wait>(&step.action)) all += wait->time;
    const auto* expect = std::get_if<topology::Expect>(&step.action);
    if (expect == nullptr) continue;
    for (const auto& period : {expect->within, expect->always, expect->never}) {
      all += period.value_or(topology::Duration(0));
    }
    const auto* reach = std::get_if<topology::Reach>(&expect->what);
    if (reach != nullptr) all += reach->requests * reach->timeout.value_or(topology::Duration(5000));
  }
  return std::chrono::ceil<std::chrono::seconds>(all);
}

class Run {
 public:
  Run(const Job& job, const Progress& progress) : job_(job), progress_(progress) {
    result_.path = job.path;
    result_.lab = job.lab;
    result_.repetition = job.repetition;
  }

  RunResult run() {
    Clock::time_point begin = Clock::now();
    if (prepare() && start()) {
      run_scenario();
      finish();
    }
    result_.took = since(begin);
    if (!result_.folder.empty()) save_result(result_);
    return std::move(result_);
  }

 private:
  bool end_with(RunResult::Outcome outcome, const std::string& why) {
    result_.outcome = outcome;
    result_.why = why + result_.why;  // what could not be saved is in it already
    return false;
  }

  bool prepare() {
    try {
      lab::StartOptions options;
      options.name = job_.lab;
      options.kernel = job_.kernel;
      options.memory_mib = job_.memory_mib;
      options.allow_writable = job_.allow_writable;
      prepared_ = lab::prepare(job_.path, options);
    } catch (const topology::InvalidTopology& error) {
      return end_with(RunResult::Outcome::invalid, error.what());
    } catch (const lab::CannotRun& error) {
      result_.topology = lab::read_topology(job_.path).name.value;
      return end_with(RunResult::Outcome::could_not_run, error.what());
    } catch (const base::Error& error) {
      return end_with(RunResult::Outcome::invalid, error.what());
    }
    if (!job_.keep) prepared_.spec.options["ttlSeconds"] = longest(prepared_.topology).count();
    result_.topology = prepared_.topology.name.value;
    result_.provider = prepared_.choice.provider;
    result_.kernel_version = prepared_.choice.kernel_version;
    result_.reason = prepared_.choice.reason;
    return true;
  }

  bool start() {
    Clock::time_point begin = Clock::now();
    try {
      auto told = [&](const kernel::Progress& it) {
        if (progress_.phase) progress_.phase(it.message.empty() ? it.phase : it.message);
      };
      auto save_its_logs = [&] { save([&] { save_logs(prepared_.folder, job_.folder); }); };
      lab::start(prepared_, told, -1, save_its_logs);
    } catch (const lab::CannotRun& error) {
      return end_with(RunResult::Outcome::could_not_run, error.what());
    } catch (const base::Error& error) {
      return end_with(RunResult::Outcome::failed, error.what());
    }
    result_.came_up = true;
    result_.bring_up = since(begin);
    if (progress_.up) progress_.up(result_);
    return true;
  }

  void run_scenario() {
    ControlAccess access(prepared_.folder);
    if (job_.versions) result_.tools = tool_versions(access);
    Engine engine(access, prepared_.topology);
    result_.steps = engine.run({progress_.step_begins, progress_.step_ended});
    judge();
    if (result_.outcome == RunResult::Outcome::failed) {
      // Who has only the folder is to know what ran.
      if (result_.tools.empty()) result_.tools = tool_versions(access);
      save([&] { save_remains(access, prepared_.topology, prepared_.folder, job_.folder); });
    }
    if (!job_.keep) return;
    try {
      engine.heal();
    } catch (const base::Error& error) {
      result_.why += (result_.why.empty() ? "" : "; ") + std::string("what was broken is not mended: ") + error.what();
    }
  }

  void judge() {
    result_.outcome = RunResult::Outcome::passed;
    for (size_t i = 0; i < result_.steps.size(); ++i) {
      if (result_.steps[i].outcome != StepResult::Outcome::failed) continue;
      result_.outcome = RunResult::Outcome::failed;
      result_.why = "step " + std::to_string(i + 1) + ": " + result_.steps[i].what;
    }
  }

  void save(const std::function<void()>& into_folder) {
    if (job_.folder.empty()) return;
    try {
      into_folder();
      result_.folder = job_.folder;
    } catch (const std::exception& error) {
      result_.why += std::string("; what is left of it could not be saved: ") + error.what();
    }
  }

  void finish() {
    result_.kept = job_.keep && prepared_.folder.alive();
    if (!job_.keep) lab::end_lab(prepared_.folder);
  }

  const Job& job_;
  const Progress& progress_;
  lab::Prepared prepared_;
  RunResult result_;
};

}  // namespace

RunResult run_one(const Job& job, const Progress& progress) {
  return Run(job, progress).run();
}

}  // namespace scenario
