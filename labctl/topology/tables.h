// The tables of the language's objects, by file: nodes, clusters, scenarios.
#pragma once

#include "labctl/topology/topology.h"
#include "labctl/topology/types.h"

namespace topology {

Type<Node> node_type();
Type<Cluster> cluster_type();
Type<Manifest> manifest_type();
Type<Step> step_type();
ObjectKind<Topology> topology_kind();

}  // namespace topology
