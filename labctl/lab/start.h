// From a topology file to a running lab.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "labctl/kernel/choice.h"
#include "labctl/kernel/lab.h"
#include "labctl/lab/runtime.h"
#include "labctl/plan/plan.h"
#include "labctl/topology/topology.h"
#include "lib/base/error.h"

namespace lab {

// What the user gave cannot be used: a file that cannot be read, a manifest that is none.
struct BadInput : base::Error {
  explicit BadInput(const base::Error& error) : base::Error(error) {}
};

// No kernel here serves what was asked for, or a program is missing; the message names what, and the mend.
struct CannotRun : base::Error {
  explicit CannotRun(const base::Error& error) : base::Error(error) {}
};

struct StartOptions {
  std::string name;                   // empty: the topology's
  std::optional<std::string> kernel;  // "host", "uml"; nothing: chosen by what the topology needs
  unsigned memory_mib = 0;            // of an embedded kernel; 0: the default
  std::optional<std::chrono::seconds> time_to_live;
  bool allow_writable = false;  // what the topology mounts writable
};

// What can be known before anything is touched: the topology, its manifests read, its plan, and the kernel it will run
// on.
struct Prepared {
  topology::Topology topology;
  plan::Plan plan;
  kernel::Choice choice;
  kernel::LabSpec spec;
  LabFolder folder;
};

// Throws topology::InvalidTopology, BadInput, CannotRun, or base::Error (a name that cannot be a lab's).
Prepared prepare(const std::string& topology_path, const StartOptions& options);

// Returns when the lab is ready. Throws base::Error with what the lab said; nothing is left of it then. The same where
// INTERRUPT, a descriptor, becomes readable before. ON_FAILURE is called while the lab's files are still there.
void start(const Prepared& prepared, const std::function<void(const kernel::Progress&)>& on_progress,
           int interrupt = -1, const std::function<void()>& on_failure = {});

// Reads a topology file and decodes it; "-" is standard input. Size is checked before it is read.
topology::Topology read_topology(const std::string& path);

// The manifests that TOPOLOGY names by path (relative to its own folder), each as the JSON text of a List.
std::map<std::string, std::string> read_manifest_files(const topology::Topology& topology);

// The kernel that PLAN would run on. Throws CannotRun.
kernel::Choice choose_kernel(const plan::Plan& plan, const std::optional<std::string>& override = std::nullopt);

}  // namespace lab
