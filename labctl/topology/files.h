// Files that the topology writes into a node.
#pragma once

#include "labctl/topology/topology.h"
#include "labctl/topology/types.h"

namespace topology {

// {"/etc/app.conf": "text", "/usr/local/bin/check": {text: …, mode: 0755}}
Type<std::vector<File>> files_type();

}  // namespace topology
