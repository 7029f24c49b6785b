// What a Pod asks for and nobody here gives it.
#pragma once

#include <string>
#include <vector>

#include "lib/kube/objects.h"

namespace nodelet {

// The fields of POD that change nothing here, though they would in a cluster with a container runtime:
// "spec.hostPID", "spec.containers{web}.tty". Those that say nothing (false, {}, []) are left out, and so is what
// has an event or a refusal of its own.
std::vector<std::string> unsupported_fields(const kube::Object& pod);

}  // namespace nodelet
