// Arguments that several commands have, so that they read and complete alike. The type name says what completion
// offers.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "labctl/commands/commands.h"
#include "labctl/lab/control.h"

namespace commands {

// What completion knows by name.
inline constexpr const char* kLab = "LAB";
inline constexpr const char* kNode = "NODE";        // or pod
inline constexpr const char* kLink = "LINK";        // NODE, or NODE:LINK
inline constexpr const char* kProcess = "PROCESS";  // PROCESS@NODE
inline constexpr const char* kTarget = "TARGET";    // a node, pod or process
inline constexpr const char* kFaulty = "FAULTY";    // a target, or a link as NODE:LINK
inline constexpr const char* kFile = "FILE";        // a topology
inline constexpr const char* kFileOrLab = "FILE|LAB";
inline constexpr const char* kPlace = "PLACE";  // a file here, or LAB:NODE:PATH

// A command and what its options are read into; ACTION runs once all are.
template <class Options>
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description, const char* group,
                      std::shared_ptr<Options> options, std::function<void(const Options&)> action) {
  CLI::App* command = app.add_subcommand(name, description);
  command->group(group);
  command->callback([options, action = std::move(action)] { action(*options); });
  return command;
}

CLI::Option* add_lab(CLI::App& command, std::string& lab);
CLI::Option* add_json(CLI::App& command, bool& json);
CLI::Option* add_allow_writable(CLI::App& command, bool& allow_writable);

// "10m", as topologies write durations. Throws CLI::ValidationError naming OPTION.
std::chrono::milliseconds parse_duration(const std::string& option, const std::string& text);

// Throws where no such lab is alive.
lab::Control control_of(const std::string& lab);

// Throws where LAB has no such node or pod: says which it has.
void check_node(lab::Control& control, const std::string& node);
// Whether TARGET is written as a process's name ("web@rs1"); throws where there is none of that name.
bool is_process(lab::Control& control, const std::string& target);

}  // namespace commands
