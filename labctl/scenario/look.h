// One look at an expectation: whether it holds, and what was seen.
#pragma once

#include <string>

#include "labctl/scenario/access.h"
#include "labctl/scenario/resolver.h"
#include "labctl/topology/topology.h"

namespace scenario {

struct Look {
  bool holds = false;
  std::string seen;
};

// Throws base::Error where it is not to be seen: the lab is gone, a reference leads nowhere, a kernel lacks the table.
Look look(LabAccess& access, Resolver& resolver, const topology::Expectation& expectation);

// What is expected, in words.
std::string expected(const topology::Expectation& expectation);

// ---- one file each

Look look(LabAccess& access, Resolver& resolver, const topology::Reach& reach);
Look look(LabAccess& access, Resolver& resolver, const topology::CommandOutcome& outcome);
Look look(LabAccess& access, Resolver& resolver, const topology::IpvsTable& table);
Look look(LabAccess& access, Resolver& resolver, const topology::IpsetMembers& set);
Look look(LabAccess& access, Resolver& resolver, const topology::ConntrackEntry& entry);
Look look(LabAccess& access, Resolver& resolver, const topology::RuleCounter& rule);
Look look(LabAccess& access, Resolver& resolver, const topology::ProcessStatus& status);
Look look(LabAccess& access, Resolver& resolver, const topology::DnsAnswer& answer);
Look look(LabAccess& access, Resolver& resolver, const topology::CapturedPackets& packets);
Look look(LabAccess& access, Resolver& resolver, const topology::RouteEntry& route);
Look look(LabAccess& access, Resolver& resolver, const topology::NeighbourEntry& neighbour);
Look look(LabAccess& access, Resolver& resolver, const topology::ForwardingEntry& entry);
Look look(LabAccess& access, Resolver& resolver, const topology::LinkState& link);

// How long one request of REACH may take. What must succeed is waited for longer than what must time out; what nobody
// answers ARP for is unreachable only after the kernel has asked three times, once a second.
topology::Duration request_timeout(const topology::Reach& reach);
std::string to_string(topology::Failure failure);

}  // namespace scenario
