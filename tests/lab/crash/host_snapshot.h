// What a lab might leave on its host, as text that two moments can be compared by.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crash {

// Interfaces, mounts, packet filter rules, IPVS services, cgroups, network namespaces by name, and sockets of labs.
std::string snapshot_of_host();
// The lines of AFTER that BEFORE lacks: what others take away meanwhile is none of a lab's doing.
std::string added(const std::string& before, const std::string& after);

// Whoever calls this becomes the parent of every orphan among its descendants, so that none is lost sight of.
void adopt_orphans();
// Children of children included. Those that have ended are waited for first.
std::vector<pid_t> descendants();
// For people, where some are left: number, state and command of each.
std::string describe_processes(const std::vector<pid_t>& processes);

}  // namespace crash
