// Manifests: YAML (several documents) or JSON → objects.
#pragma once

#include <string>
#include <vector>

#include "lib/kube/objects.h"

namespace kube {

// The objects of TEXT in order; those inside a List one by one; empty documents are skipped. NAME ("web.yaml") goes in
// front of error messages, which carry line and column. Throws base::Error for a syntax error, a duplicate key, and a
// document that is not an object with apiVersion, kind and a name.
std::vector<Object> read_manifests(const std::string& text, const std::string& name);

// The same without the check for apiVersion, kind and name, and without taking Lists apart.
std::vector<Object> parse_manifests(const std::string& text, const std::string& name);

}  // namespace kube
