// Removes objects.
#pragma once

#include <ostream>
#include <vector>

#include "agents/kube_apply/session.h"
#include "lib/kube/objects.h"

namespace kube_apply {

// In the opposite order; one that is gone already is no error, and one without a name, which the server has chosen, is
// left. Prints one line for each. All are tried; throws base::Error with every refusal.
void remove(Session& session, std::vector<kube::Object> objects, std::ostream& progress);

}  // namespace kube_apply
