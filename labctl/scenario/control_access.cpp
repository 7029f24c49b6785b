#include "labctl/scenario/control_access.h"

#include "labctl/lab/kubectl.h"
#include "lib/base/http.h"

namespace scenario {

lab::CommandResult ControlAccess::run(const lab::Command& command) {
  return control_.run(command);
}

lab::CommandResult ControlAccess::kubectl(const std::vector<std::string>& arguments,
                                          std::chrono::milliseconds timeout) {
  return lab::capture_kubectl(control_, arguments, {}, timeout);
}

boost::json::array ControlAccess::nodes() {
  return control_.nodes();
}

boost::json::array ControlAccess::processes() {
  return control_.processes();
}

std::string ControlAccess::text(const std::string& target) {
  std::string text;
  control_.stream(target, [&](std::string_view data) {
    text += data;
    return true;
  });
  return text;
}

std::string ControlAccess::process_log(const std::string& full_name) {
  return text("/v1/processes/" + base::http::encode(full_name) + "/log");
}

std::string ControlAccess::events() {
  return text("/v1/events");
}

void ControlAccess::kill_node(const std::string& node_or_pod) {
  control_.kill_node(node_or_pod);
}

void ControlAccess::restart_node(const std::string& node) {
  control_.restart_node(node);
}

void ControlAccess::restart_process(const std::string& full_name) {
  control_.restart_process(full_name);
}

void ControlAccess::signal_process(const std::string& full_name, int signal) {
  control_.signal_process(full_name, signal);
}

}  // namespace scenario
