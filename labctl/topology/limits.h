// Resource limits by the names that setrlimit(2) and limits.conf(5) have for them.
#pragma once

#include "labctl/topology/topology.h"
#include "labctl/topology/types.h"

namespace topology {

// {nofile: 1024, core: 0, as: 512M}
Type<std::vector<Limit>> limits_type();

}  // namespace topology
