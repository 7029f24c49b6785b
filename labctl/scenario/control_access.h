// A lab by its control API.
#pragma once

#include "labctl/scenario/access.h"

namespace scenario {

class ControlAccess : public LabAccess {
 public:
  explicit ControlAccess(lab::LabFolder folder) : control_(std::move(folder)) {}

  lab::CommandResult run(const lab::Command& command) override;
  lab::CommandResult kubectl(const std::vector<std::string>& arguments, std::chrono::milliseconds timeout) override;
  boost::json::array nodes() override;
  boost::json::array processes() override;
  std::string process_log(const std::string& full_name) override;
  std::string events() override;
  void kill_node(const std::string& node_or_pod) override;
  void restart_node(const std::string& node) override;
  void restart_process(const std::string& full_name) override;
  void signal_process(const std::string& full_name, int signal) override;

 private:
  std::string text(const std::string& target);

  lab::Control control_;
};

}  // namespace scenario
