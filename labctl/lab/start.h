// From a topology file to a running lab.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "labctl/kernel/choice.h"
#include "labctl/kernel/lab.h"
#include "labctl/lab/runtime.h"
#include "labctl/plan/plan.h"
#include "labctl/topology/topology.h"

namespace lab {

struct StartOptions {
  std::string name;                   // empty: the topology's
  std::optional<std::string> kernel;  // "host", "uml"; nothing: chosen by what the topology needs
  unsigned memory_mib = 0;            // of an embedded kernel; 0: the default
  std::optional<std::chrono::seconds> time_to_live;
};

// What can be known before anything is touched: the topology, its manifests read, its plan, and the kernel it will run on.
struct Prepared {
  topology::Topology topology;
  plan::Plan plan;
  kernel::Choice choice;
  kernel::LabSpec spec;
  LabFolder folder;
};

// Throws topology::InvalidTopology, or base::Error (a manifest that cannot be read, a kernel that cannot be had).
Prepared prepare(const std::string& topology_path, const StartOptions& options);

// Returns when the lab is ready. Throws base::Error with what the lab said; nothing is left of it then.
void start(const Prepared& prepared, const kernel::Installation& installation,
           const std::function<void(const kernel::Progress&)>& on_progress);

// Reads a topology file and decodes it; "-" is standard input. Size is checked before it is read.
topology::Topology read_topology(const std::string& path);

}  // namespace lab
