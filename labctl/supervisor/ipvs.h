// A topology's virtual services in the kernel.
#pragma once

#include "labctl/topology/topology.h"
#include "lib/base/file_descriptor.h"

namespace supervisor {

// NETWORK is a node's network namespace.
void add_ipvs_service(const base::FileDescriptor& network, const topology::IpvsService& service);
void remove_ipvs_service(const base::FileDescriptor& network, const topology::IpvsService& service);
// Connections to servers that stay go on.
void change_ipvs_service(const base::FileDescriptor& network, const topology::IpvsService& before,
                         const topology::IpvsService& after);

}  // namespace supervisor
