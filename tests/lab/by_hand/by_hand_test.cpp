// `labctl plan --shell` is an independent check of what labctl does: its commands, run by a root shell on a kernel that
// has never seen labctl's plan, give a network of which the topology's own scenario holds.
#include <gmock/gmock.h>

#include "labctl/plan/plan.h"
#include "labctl/scenario/engine.h"
#include "labctl/scenario/report.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using testing::HasSubstr;

// One machine with nothing in it: its shell is the root shell, and its network namespaces are made by hand.
constexpr const char* one_machine = R"(
version: 1
name: by-hand
nodes: { machine: {} }
)";

// The scenario's view of a network that no lab knows: a node is a network namespace of the machine.
class ByHand : public scenario::LabAccess {
 public:
  explicit ByHand(lab::Control& machine) : machine_(machine) {}

  lab::CommandResult run(const lab::Command& command) override {
    lab::Command inside = command;
    inside.node = "machine";
    inside.arguments.insert(inside.arguments.begin(), {"ip", "netns", "exec", command.node});
    return machine_.run(inside);
  }

  boost::json::array nodes() override { return {}; }
  boost::json::array processes() override { return {}; }
  std::string process_log(const std::string&) override { return {}; }
  std::string events() override { return {}; }
  lab::CommandResult kubectl(const std::vector<std::string>&, const std::string&, std::chrono::milliseconds) override {
    refuse();
  }
  std::optional<std::uint64_t> inject(const boost::json::object&) override { refuse(); }
  boost::json::array faults() override { return {}; }
  void heal(std::uint64_t) override { refuse(); }
  void heal_all() override {}

 private:
  [[noreturn]] static void refuse() { throw base::Error("not with bare namespaces"); }

  lab::Control& machine_;
};

class PlanByHand : public running_lab::OnAnEmbeddedKernel {
 protected:
  // What a person types after the plan's own commands: the servers.
  static std::string servers(const plan::Plan& plan) {
    std::string commands;
    for (const plan::Process& process : plan.processes) {
      std::string server;
      for (const std::string& word : process.arguments) server += " " + word;
      // It introduces itself by its host name.
      commands += "ip netns exec " + process.node + " unshare --uts sh -c 'hostname " + process.node + "; exec" +
                  server + "' >/dev/null 2>&1 </dev/null &\n";
    }
    return commands;
  }

  // Waits until each serves.
  static std::string patience(const topology::Topology& topology) {
    std::string commands;
    for (const topology::Node& node : topology.nodes) {
      for (const topology::Workload& workload : node.workloads) {
        std::uint16_t port = std::get<topology::Serve>(workload.what).port;
        commands += "timeout 20 sh -c 'until ip netns exec " + node.name +
                    " curl -s -o /dev/null http://127.0.0.1:" + std::to_string(port) + "/; do sleep 0.1; done'\n";
      }
    }
    return commands;
  }
};

TEST_F(PlanByHand, GivesANetworkInWhichTheTopologysScenarioHolds) {
  std::string path = TOPOLOGIES "/ipvs-nat.yaml";
  topology::Topology topology = topology::parse(base::read_file(path), path);
  plan::Plan plan = plan::make_plan(topology);
  running_lab::RunningLab lab(one_machine, "uml");
  std::string said = lab.run("machine", plan::to_shell(plan) + servers(plan) + patience(topology) + "echo built");
  ASSERT_THAT(said, HasSubstr("built"));

  ByHand access(lab.control());
  std::vector<scenario::StepResult> steps = scenario::Engine(access, topology).run(scenario::Engine::Callbacks{});
  ASSERT_FALSE(steps.empty());
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(to_string(steps[i].outcome), "passed") << scenario::step_text(steps[i], i + 1);
  }
}

}  // namespace
