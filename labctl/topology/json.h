// YAML as JSON: for manifests, which the API server takes as JSON.
#pragma once

#include <boost/json/value.hpp>

#include "labctl/topology/yaml.h"

namespace topology::yaml {

// Numbers, booleans and null keep their meaning (the YAML 1.2 core schema).
boost::json::value to_json(const Node& node);

}  // namespace topology::yaml
