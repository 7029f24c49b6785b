// Creates or changes objects.
#pragma once

#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "agents/kube_apply/session.h"
#include "lib/kube/objects.h"

namespace kube_apply {

// Namespaces first, otherwise in the given order; objects without a namespace get "default". Prints one line for each.
// All are tried; throws base::Error with every refusal.
void apply(Session& session, std::vector<kube::Object> objects, std::ostream& progress);

// The keys of those of this kind: "default/web".
std::set<std::string> applied_keys(const std::vector<kube::Object>& applied, const std::string& kind);

}  // namespace kube_apply
