// Runs a scenario in a running lab.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

  // Mends all that is broken in the lab.
  void heal() { access_.heal_all(); }

 private:
  StepResult run(const topology::Step& step);
  void expect(const topology::Expect& expect, StepResult& result);
  void act(const topology::Expect&) {}
  void act(const topology::Do& command);
  void act(const topology::Kubectl& kubectl);
  void act(const topology::Apply& apply);
  void act(const topology::Inject& fault);
  void act(const topology::Heal& heal);
  void act(const topology::Wait& wait);
  void act(const topology::Capture& capture);
  topology::Injection resolved(topology::Injection what);
  std::string resolved(std::string text);
  bool is_on(std::uint64_t fault);

  LabAccess& access_;
  const topology::Topology& topology_;
  std::map<std::string, std::uint64_t> injected_;  // by the fault's description, as the scenario has it
};

}  // namespace scenario
