// Documents judged by topology::json_schema(), by way of python3-jsonschema.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "labctl/topology/json.h"
#include "labctl/topology/topology.h"
#include "lib/base/run.h"

// A YAML text as JSON.
inline boost::json::value json_of(const std::string& text) {
  topology::Faults faults;
  boost::json::value value = topology::yaml::to_json(topology::yaml::parse(text, faults));
  return faults.empty() ? value : boost::json::value("not YAML");
}

// For each document "accepted", or why it is not.
inline std::vector<std::string> judge(const boost::json::array& documents) {
  boost::json::object work{{"schema", boost::json::parse(topology::json_schema())}, {"documents", documents}};
  std::string script = std::string(SOURCE_DIR) + "/tests/unit/labctl/topology/check_schema.py";
  std::string output = base::run_checked({"python3", script}, boost::json::serialize(work));
  boost::json::value answer = boost::json::parse(output);
  std::vector<std::string> verdicts;
  for (const boost::json::value& it : answer.as_array()) {
    verdicts.push_back(it.is_null() ? "accepted" : std::string(it.as_string()));
  }
  return verdicts;
}
