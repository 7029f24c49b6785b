// The modules of a kernel: which there are, what each depends on, and how they get into the kernel.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace kernel {

// Where Debian's user-mode-linux keeps its modules: kUmlModules/<release>/modules.dep.
inline constexpr const char* kUmlModules = "/usr/lib/uml/modules";

// A module tree as depmod(8) describes it. Module names are written with '_', as lsmod does.
class ModuleTree {
 public:
  // FOLDER holds modules.dep and modules.builtin. Throws base::Error where it does not.
  explicit ModuleTree(std::filesystem::path folder);

  bool is_builtin(const std::string& module) const { return builtin_.count(module) != 0; }
  // Built in, or to be had by loading it.
  bool has(const std::string& module) const { return is_builtin(module) || files_.count(module) != 0; }
  // The files to load for MODULES, each once, after those it depends on. Throws base::Error naming a module that is
  // missing.
  std::vector<std::filesystem::path> load_order(const std::vector<std::string>& modules) const;

 private:
  void add_with_dependencies(const std::string& module, std::set<std::string>& added,
                             std::vector<std::filesystem::path>& order) const;

  std::filesystem::path folder_;
  std::set<std::string> builtin_;
  std::map<std::string, std::string> files_;                      // relative to folder_
  std::map<std::string, std::vector<std::string>> dependencies_;  // as modules.dep lists them, nearest first
};

// "net/sched/sch_netem.ko" → "sch_netem"; '-' becomes '_'.
std::string module_name(const std::string& path);

// Into the running kernel; one that is there already is no error.
void load_module(const std::filesystem::path& file);

// The modules behind NEEDS (labctl/kernel/needs.h), each once, in the table's order.
std::vector<std::string> modules_for(const std::vector<std::string>& needs);

}  // namespace kernel
