// A running lab, as a scenario needs it. The one seam between the engine and the lab: lab::Control is one
// (control_access.h), tests have others.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "labctl/lab/control.h"

namespace scenario {

// Errors: base::Error; a command that ends with another exit code than 0 is none.
class LabAccess {
 public:
  virtual ~LabAccess() = default;

  virtual lab::CommandResult run(const lab::Command& command) = 0;
  // INPUT is what it reads.
  virtual lab::CommandResult kubectl(const std::vector<std::string>& arguments, const std::string& input,
                                     std::chrono::milliseconds timeout) = 0;

  // NODE and PROCESS as the control API has them.
  virtual boost::json::array nodes() = 0;
  virtual boost::json::array processes() = 0;
  virtual std::string process_log(const std::string& full_name) = 0;
  // What happened: one JSON object a line.
  virtual std::string events() = 0;

  // Faults as the control API has them. Of one that does not stay on there is no ID.
  virtual std::optional<std::uint64_t> inject(const boost::json::object& fault) = 0;
  virtual boost::json::array faults() = 0;
  virtual void heal(std::uint64_t fault) = 0;
  virtual void heal_all() = 0;
};

// What COMMAND printed. Throws where it does not end with exit code 0, with what it wrote to its error output.
std::string run_checked(LabAccess& access, const lab::Command& command);

}  // namespace scenario
