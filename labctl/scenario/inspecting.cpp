#include "labctl/scenario/inspecting.h"

#include <boost/json.hpp>

#include "labctl/plan/plan.h"
#include "lib/base/error.h"

namespace scenario {

boost::json::object inspect(LabAccess& access, const std::string& place, const std::vector<std::string>& words) {
  lab::Command command;
  command.node = place;
  command.arguments = {std::string(plan::libexec_folder) + "/inspect"};
  command.arguments.insert(command.arguments.end(), words.begin(), words.end());
  command.timeout = std::chrono::seconds(20);
  std::string text = run_checked(access, command);
  boost::system::error_code failure;
  boost::json::value table = boost::json::parse(text, failure);
  if (failure || !table.is_object()) throw base::Error("inspect printed what cannot be read: " + text.substr(0, 200));
  return std::move(table.as_object());
}

std::uint64_t count_at(const boost::json::object& object, const char* key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

}  // namespace scenario
