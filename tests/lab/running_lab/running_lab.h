// A lab that runs for the length of a test, in a runtime directory of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "labctl/lab/control.h"
#include "labctl/lab/start.h"

namespace running_lab {

class RunningLab {
 public:
  // Returns when it is ready; throws what `labctl up` would say.
  // KERNEL: "host", "uml"; empty: whichever serves what the topology needs.
  explicit RunningLab(const std::string& topology, const std::string& kernel = {}, const std::string& name = {});
  ~RunningLab();
  RunningLab(const RunningLab&) = delete;
  RunningLab& operator=(const RunningLab&) = delete;

  lab::Control& control() { return *control_; }
  // What a shell in NODE says to COMMAND, both outputs together.
  std::string run(const std::string& node, const std::string& command);
  // The messages of its events, one a line: "node kind: message".
  std::string events();
  const lab::LabFolder& folder() const { return prepared_.folder; }

 private:
  std::filesystem::path file_;
  lab::Prepared prepared_;
  std::unique_ptr<lab::Control> control_;
};

// Tests of labs that any kernel may serve.
class OnWhateverKernel : public testing::Test {
 protected:
  static void SetUpTestSuite();
};

// Tests of what an embedded kernel alone can serve; skipped where there is none to be had.
class OnAnEmbeddedKernel : public testing::Test {
 protected:
  static void SetUpTestSuite();
  void SetUp() override;
  // Why there is none; empty where there is.
  static std::string obstacle();
};

// The kernels that labs are tried on. A test of one that is not to be had here is skipped, and says why.
class EachKernel : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite();
  void SetUp() override;
  std::string kernel() const { return GetParam(); }
};
std::string name_of_kernel(const testing::TestParamInfo<std::string>& info);

}  // namespace running_lab
