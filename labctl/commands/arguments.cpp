#include "labctl/commands/arguments.h"

#include <algorithm>
#include <boost/json.hpp>

#include "labctl/topology/faults.h"
#include "labctl/topology/values.h"
#include "lib/kube/objects.h"

namespace commands {

CLI::Option* add_lab(CLI::App& command, std::string& lab) {
  return command.add_option("LAB", lab, "the lab's name, as `labctl ps` lists them")->required()->type_name(kLab);
}

CLI::Option* add_json(CLI::App& command, bool& json) {
  return command.add_flag("--json", json, "write JSON, for scripts");
}

CLI::Option* add_allow_writable(CLI::App& command, bool& allow_writable) {
  return command.add_flag("--allow-writable", allow_writable,
                          "let the lab write what its topology mounts with \"writable: true\"");
}

std::chrono::milliseconds parse_duration(const std::string& option, const std::string& text) {
  std::optional<topology::Duration> duration = topology::parse_duration(text);
  if (!duration || duration->count() <= 0) {
    throw CLI::ValidationError(option, "\"" + text + "\" is no duration (90s, 10m, 2h)");
  }
  return *duration;
}

lab::Control control_of(const std::string& lab) {
  return lab::Control(lab::find_lab(lab));
}

void check_node(lab::Control& control, const std::string& node) {
  std::vector<std::string> names;
  for (const boost::json::value& it : control.nodes()) {
    std::string name = kube::text_at(it.as_object(), "name");
    // A pod may be called without its namespace.
    if (name == node || name.substr(name.find('/') + 1) == node) return;
    names.push_back(std::move(name));
  }
  throw base::Error("lab " + control.folder().name + " has no node or pod \"" + node + "\"" +
                    topology::suggestion(node, names));
}

bool is_process(lab::Control& control, const std::string& target) {
  if (target.find('@') == std::string::npos) return false;
  std::vector<std::string> names;
  for (const boost::json::value& it : control.processes()) names.push_back(kube::text_at(it.as_object(), "name"));
  if (std::find(names.begin(), names.end(), target) != names.end()) return true;
  throw base::Error("lab " + control.folder().name + " has no process \"" + target + "\"" +
                    topology::suggestion(target, names));
}

}  // namespace commands
