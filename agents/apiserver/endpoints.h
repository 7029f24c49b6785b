// Endpoints, which `kubectl describe` and older clients read, as they follow from a Service and its EndpointSlices.
#pragma once

#include <optional>
#include <string>

#include "agents/apiserver/kind.h"
#include "agents/apiserver/store.h"

namespace apiserver {

// The key of the Service whose Endpoints this object has a part in; empty where there is none, or OBJECT is null.
std::string service_of(const Kind& kind, const Object* object);

// What the Endpoints of the Service KEY are to be: name, labels and subsets. nullopt where there are to be none. OLD is
// what there is, or null: what somebody has written by hand for a Service without a selector stays.
std::optional<Object> derive_endpoints(const Store& store, const std::string& key, const Object* old);

}  // namespace apiserver
