// What this machine serves: the data of `labctl doctor`.
#pragma once

#include <string>
#include <vector>

#include "labctl/kernel/needs.h"
#include "labctl/kernel/provider.h"

namespace kernel {

struct ToolReport {
  std::string name;     // "kubectl"
  std::string version;  // first line of what it says; empty where it is not installed
  std::string package;  // Debian package that has it
  std::string used_for;
};

struct ProviderReport {
  std::string name;
  std::string kernel_version;
  Provider::Availability availability;
  std::vector<NeedStatus> needs;
};

struct MachineReport {
  std::string kernel;        // "Linux 6.18.44 x86_64"
  std::string distribution;  // PRETTY_NAME of os-release
  std::string user;          // "uid 1000", "root"
  bool user_namespaces = false;
  std::string user_namespaces_why;
  std::string user_namespaces_mend;
  unsigned processors = 0;
  unsigned long long memory_mib = 0;
  std::vector<ProviderReport> providers;
  std::vector<ToolReport> tools;
  // What to install or set to get more, each once: "apt install user-mode-linux".
  std::vector<std::string> mends;
};

MachineReport examine_machine();

}  // namespace kernel
