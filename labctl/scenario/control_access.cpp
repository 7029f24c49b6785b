#include "labctl/scenario/control_access.h"

#include <boost/json.hpp>

#include "labctl/lab/kubectl.h"
#include "lib/base/http.h"

namespace scenario {

lab::CommandResult ControlAccess::run(const lab::Command& command) {
  return control_.run(command);
}

lab::CommandResult ControlAccess::kubectl(const std::vector<std::string>& arguments, const std::string& input,
                                          std::chrono::milliseconds timeout) {
  return lab::capture_kubectl(control_, arguments, input, timeout);
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

std::optional<std::uint64_t> ControlAccess::inject(const boost::json::object& fault) {
  boost::json::object injected = control_.inject(fault);
  if (!injected.contains("id")) return std::nullopt;
  return injected.at("id").to_number<std::uint64_t>();
}

boost::json::array ControlAccess::faults() {
  return control_.faults();
}

void ControlAccess::heal(std::uint64_t fault) {
  control_.heal(fault);
}

void ControlAccess::heal_all() {
  control_.heal_all();
}

}  // namespace scenario
