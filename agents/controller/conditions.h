// Conditions as statuses have them.
#pragma once

#include <string>
#include <vector>

#include "agents/controller/change.h"
#include "agents/controller/times.h"

namespace controller {

// WANTED as JSON. BEFORE are the object's conditions: where one of the same type has the same status, the time of its
// transition stays.
Object condition_object(const kube::Condition& wanted, const std::vector<kube::Condition>& before, Time now);

}  // namespace controller
