// The tables of the language's objects, one file each.
#pragma once

#include "labctl/topology/topology.h"
#include "labctl/topology/types.h"

namespace topology {

Type<Node> node_type();
Type<Link> link_type();
Type<Network> network_type();
Type<Impairment> impairment_type();
Type<Route> route_type();
Type<Rule> rule_type();
Type<IpvsService> ipvs_type();
Type<Workload> workload_type();
Type<Cluster> cluster_type();
Type<Manifest> manifest_type();
Type<Capture> capture_type();
Type<Step> step_type();
Type<Expect> expect_type();
Type<Injection> injection_type();
ObjectKind<Topology> topology_kind();

}  // namespace topology
