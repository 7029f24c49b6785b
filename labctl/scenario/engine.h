// Runs a scenario in a running lab.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "labctl/scenario/access.h"
#include "labctl/scenario/result.h"
#include "labctl/topology/topology.h"

namespace scenario {

class Engine {
 public:
  Engine(LabAccess& access, const topology::Topology& topology) : access_(access), topology_(topology) {}

  struct Callbacks {
    std::function<void(const std::string& what)> begins;
    std::function<void(const StepResult&)> ended;
  };
  // All steps in their order, up to and with the first that fails; those after it are `not_run`. Never throws: what a
  // step cannot do is its failure.
  std::vector<StepResult> run(const Callbacks& callbacks);

  // Starts again what the steps have killed.
  void heal();

 private:
  StepResult run(const topology::Step& step);
  void expect(const topology::Expect& expect, StepResult& result);
  void act(const topology::Expect&) {}
  void act(const topology::Do& command);
  void act(const topology::Kubectl& kubectl);
  void act(const topology::Kill& kill);
  void act(const topology::RestartProcess& restart);

  LabAccess& access_;
  const topology::Topology& topology_;
  std::vector<std::string> killed_nodes_, killed_processes_;
};

}  // namespace scenario
