// Whether Services can be used: their endpoints are known, and every node's proxy has programmed them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agents/kube_apply/session.h"
#include "lib/kube/objects.h"

namespace kube_apply {

// What is still missing of the applied Services, in words; empty where nothing is. Pure. Each pod that is ready and
// that a Service selects has to be among its ready endpoints.
std::string missing_endpoints(const std::vector<kube::Object>& applied, const std::vector<kube::Object>& services,
                              const std::vector<kube::Object>& pods, const std::vector<kube::Object>& slices);

// The newest resourceVersion among OBJECTS.
std::uint64_t newest_version(const std::vector<kube::Object>& objects);

// What the proxies of NODES have not programmed yet of VERSION, asked of kube-proxy's health port on each node's
// InternalIP: "resourceVersion" of its answer is the newest of Services and EndpointSlices that is in the kernel.
std::string missing_proxies(const std::vector<kube::Object>& nodes, std::uint64_t version);

}  // namespace kube_apply
