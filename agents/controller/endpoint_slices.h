// Which addresses stand behind a Service.
#pragma once

#include <map>
#include <string>

#include "agents/controller/change.h"
#include "agents/controller/pod_state.h"

namespace controller {

using Slices = std::map<std::string, kube::EndpointSlice>;  // by "namespace/name"

constexpr size_t most_endpoints_in_a_slice = 100;

// Makes the Service's slices say which pods it selects. Endpoints stay in the slice that they are in, and slices keep
// their names; without pods, one empty slice remains. SERVICE is null where there is none of this key: then its slices
// go. Slices that others manage, and Services without a selector, are left alone.
Decision reconcile_slices(const std::string& service_key, const kube::Service* service, const Pods& pods,
                          const Nodes& nodes, const Slices& slices);

}  // namespace controller
