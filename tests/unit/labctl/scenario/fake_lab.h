// A lab that answers as a test wants it to.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "labctl/scenario/access.h"
#include "lib/base/error.h"

class FakeLab : public scenario::LabAccess {
 public:
  using Answer = std::function<lab::CommandResult(const lab::Command&)>;

  lab::CommandResult run(const lab::Command& command) override {
    commands.push_back(command);
    return answer ? answer(command) : lab::CommandResult();
  }
  lab::CommandResult kubectl(const std::vector<std::string>& arguments, const std::string& input,
                             std::chrono::milliseconds) override {
    calls.push_back("kubectl");
    for (const std::string& word : arguments) calls.back() += "|" + word;
    if (!input.empty()) calls.back() += " < " + input;
    return kubectl_result;
  }
  boost::json::array nodes() override { return node_list; }
  boost::json::array processes() override { return process_list; }
  std::string process_log(const std::string& full_name) override { return logs[full_name]; }
  std::string events() override { return "{}\n"; }
  // Those that are healed by name do not stay on.
  std::optional<std::uint64_t> inject(const boost::json::object& fault) override {
    calls.push_back(boost::json::serialize(fault));
    bool stays = !fault.contains("restart") && !fault.contains("resume") && !fault.contains("linkUp");
    if (!stays) return std::nullopt;
    fault_list.push_back(boost::json::object{{"id", next_fault}});
    return next_fault++;
  }
  boost::json::array faults() override { return fault_list; }
  void heal(std::uint64_t fault) override { calls.push_back("heal " + std::to_string(fault)); }
  void heal_all() override { calls.emplace_back("heal all"); }

  Answer answer;
  std::vector<lab::Command> commands;
  std::vector<std::string> calls;
  lab::CommandResult kubectl_result;
  boost::json::array node_list, process_list, fault_list;
  std::uint64_t next_fault = 1;
  std::map<std::string, std::string> logs;
};

inline lab::CommandResult printed(const std::string& output) {
  lab::CommandResult result;
  result.output = output;
  return result;
}

inline lab::CommandResult ended(int exit_code, const std::string& error_output = {}) {
  lab::CommandResult result;
  result.exit_code = exit_code;
  result.error_output = error_output;
  return result;
}

// What probe prints: REQUESTS are JSON objects.
inline lab::CommandResult probed(const std::vector<std::string>& requests) {
  std::string text = "{\"requests\":[";
  for (size_t i = 0; i < requests.size(); ++i) text += (i == 0 ? "" : ",") + requests[i];
  return printed(text + "]}\n");
}

// One that echo has answered.
inline std::string answered(const std::string& server, const std::string& node = "n",
                            const std::string& client = "10.0.0.1", int status = 200) {
  std::string body = R"({"server":")" + server + R"(","node":")" + node + R"(","client":")" + client + "\"}";
  return boost::json::serialize(
      boost::json::object{{"ok", true}, {"status", status}, {"body", body}, {"milliseconds", 1.25}});
}

inline std::string failed(const std::string& failure, const std::string& words = "connect: kernel's words") {
  return boost::json::serialize(
      boost::json::object{{"ok", false}, {"failure", failure}, {"words", words}, {"milliseconds", 2000.0}});
}

inline bool is_program(const lab::Command& command, const std::string& name) {
  return command.arguments.front() == "/run/labctl/libexec/" + name;
}
