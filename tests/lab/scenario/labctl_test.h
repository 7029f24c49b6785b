// Runs `labctl test` as a person does, with a runtime directory of its own.
#pragma once

#include <gmock/gmock.h>
#include <stdlib.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "labctl/lab/runtime.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"

class LabctlTest : public testing::Test {
 protected:
  LabctlTest() {
    std::string pattern = "/tmp/labctl-lt-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("LABCTL_RUNTIME_DIR", (folder_ / "run").c_str(), 1);
  }
  ~LabctlTest() override {
    for (const lab::LabFolder& lab : lab::living_labs()) lab::end_lab(lab);
    ::unsetenv("LABCTL_RUNTIME_DIR");
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string output() const { return (folder_ / "output").string(); }

  // The one run of a topology, as --json has it. Skips the test where this machine has no kernel for it.
  boost::json::object run(const std::string& topology, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {LABCTL, "test", "--json", "--output", output(), topology});
    base::RunResult result = base::run_command(more);
    exit_code_ = result.exit_code;
    shown_ = result.error_output;
    if (result.output.empty()) throw std::runtime_error("labctl test said nothing: " + shown_);
    boost::json::object run = boost::json::parse(result.output).at("runs").at(0).as_object();
    why_ = std::string(run.at("why").as_string());
    return run;
  }
  bool could_not_run() const { return exit_code_ == 3; }

  // "1 passed", "2 failed", …, one a step.
  static std::vector<std::string> outcomes(const boost::json::object& run) {
    std::vector<std::string> outcomes;
    for (const auto& step : run.at("steps").as_array()) {
      outcomes.push_back(std::to_string(outcomes.size() + 1) + " " + std::string(step.at("outcome").as_string()));
    }
    return outcomes;
  }
  // The step that failed: 0 for none.
  static size_t failed_step(const boost::json::object& run) {
    const boost::json::array& steps = run.at("steps").as_array();
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].at("outcome").as_string() == "failed") return i + 1;
    }
    return 0;
  }

  std::filesystem::path folder_;
  int exit_code_ = -1;
  std::string shown_, why_;
};
