// Files of a node's own, also where it shows the host's, which it cannot write.
#pragma once

#include <sys/types.h>

#include <vector>

#include "labctl/topology/topology.h"

namespace supervisor {

// To be called inside the node's mount namespace. FILES, and the folders that they need, will belong to USER and GROUP.
// The first file below a folder of the root (/etc) puts memory of the node's own over that folder, with symbolic links
// to all that it had, seen below /run/labctl/system: so everything there can be replaced or removed, whoever owns it on
// the host, and a node without such files pays nothing. Throws base::Error.
void write_node_files(const std::vector<topology::File>& files, uid_t user, gid_t group);

}  // namespace supervisor
