// What is left of a run that failed: one folder with all that explains it.
#pragma once

#include <filesystem>

#include "labctl/lab/runtime.h"
#include "labctl/scenario/access.h"
#include "labctl/scenario/result.h"
#include "labctl/topology/topology.h"

namespace scenario {

// events.jsonl, faults.json, processes.json, processes/NAME@NODE.log, nodes/NODE/{addresses,routes,rules-nat,ipvs,…},
// captures/NODE-LINK.N.pcapng, and the lab's own logs. FOLDER is made. Never throws for a lab that answers no more:
// what cannot be had is left out.
void save_remains(LabAccess& access, const topology::Topology& topology, const lab::LabFolder& lab,
                  const std::filesystem::path& folder);
// The lab's own logs alone: all that a lab has which is dead or did not come up.
void save_logs(const lab::LabFolder& lab, const std::filesystem::path& folder);
// result.json, into the folder of RESULT.
void save_result(const RunResult& result);

}  // namespace scenario
