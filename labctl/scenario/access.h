// A running lab, as a scenario needs it. The one seam between the engine and the lab: lab::Control is one
// (control_access.h), tests have others.
#pragma once

#include <boost/json/array.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "labctl/lab/control.h"

namespace scenario {

// Errors: base::Error; a command that ends with another exit code than 0 is none.
class LabAccess {
 public:
  virtual ~LabAccess() = default;

  virtual lab::CommandResult run(const lab::Command& command) = 0;
  virtual lab::CommandResult kubectl(const std::vector<std::string>& arguments, std::chrono::milliseconds timeout) = 0;

  // NODE and PROCESS as the control API has them.
  virtual boost::json::array nodes() = 0;
  virtual boost::json::array processes() = 0;
  virtual std::string process_log(const std::string& full_name) = 0;
  // What happened: one JSON object a line.
  virtual std::string events() = 0;

  virtual void kill_node(const std::string& node_or_pod) = 0;
  virtual void restart_node(const std::string& node) = 0;
  virtual void restart_process(const std::string& full_name) = 0;
  virtual void signal_process(const std::string& full_name, int signal) = 0;
};

// What COMMAND printed. Throws where it does not end with exit code 0, with what it wrote to its error output.
std::string run_checked(LabAccess& access, const lab::Command& command);

}  // namespace scenario
