// Names of made objects, as Kubernetes makes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/kube/objects.h"

namespace controller {

// The five characters behind a pod's name.
using Suffix = std::function<std::string()>;
std::string random_suffix();
// The same for the same TEXT: names that must not change with a restart.
std::string stable_suffix(std::string_view text);

// A pod template's pod-template-hash; COLLISION tells apart templates with the same hash.
std::string template_hash(const kube::Object& pod_template, unsigned collision = 0);

// The same text for objects that mean the same: members in order, nulls left out.
std::string canonical_text(const boost::json::value& value);

}  // namespace controller
