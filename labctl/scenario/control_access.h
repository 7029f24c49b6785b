// A lab by its control API.
#pragma once

#include "labctl/scenario/access.h"

namespace scenario {

class ControlAccess : public LabAccess {
 public:
  explicit ControlAccess(lab::LabFolder folder) : control_(std::move(folder)) {}

  lab::CommandResult run(const lab::Command& command) override;
  lab::CommandResult kubectl(const std::vector<std::string>& arguments, const std::string& input,
                             std::chrono::milliseconds timeout) override;
  boost::json::array nodes() override;
  boost::json::array processes() override;
  std::string process_log(const std::string& full_name) override;
  std::string events() override;
  std::optional<std::uint64_t> inject(const boost::json::object& fault) override;
  boost::json::array faults() override;
  void heal(std::uint64_t fault) override;
  void heal_all() override;

 private:
  std::string text(const std::string& target);

  lab::Control control_;
};

}  // namespace scenario
