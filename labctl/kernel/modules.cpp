#include "labctl/kernel/modules.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "labctl/kernel/needs.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace kernel {

std::string module_name(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.find(".ko"));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

ModuleTree::ModuleTree(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::istringstream builtin(base::read_file(folder_ / "modules.builtin"));
  for (std::string line; std::getline(builtin, line);) builtin_.insert(module_name(line));
  std::istringstream dependencies(base::read_file(folder_ / "modules.dep"));
  for (std::string line; std::getline(dependencies, line);) {
    std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string file = line.substr(0, colon);
    std::string module = module_name(file);
    files_[module] = file;
    std::istringstream rest(line.substr(colon + 1));
    for (std::string dependency; rest >> dependency;) dependencies_[module].push_back(module_name(dependency));
  }
}

void ModuleTree::add_with_dependencies(const std::string& module, std::set<std::string>& added,
                                       std::vector<std::filesystem::path>& order) const {
  if (is_builtin(module) || !added.insert(module).second) return;
  auto file = files_.find(module);
  if (file == files_.end()) throw base::Error("module " + module + ": not found in " + folder_.string());
  auto dependencies = dependencies_.find(module);
  if (dependencies != dependencies_.end()) {
    for (const std::string& dependency : dependencies->second) add_with_dependencies(dependency, added, order);
  }
  order.push_back(folder_ / file->second);
}

std::vector<std::filesystem::path> ModuleTree::load_order(const std::vector<std::string>& modules) const {
  std::set<std::string> added;
  std::vector<std::filesystem::path> order;
  for (const std::string& module : modules) add_with_dependencies(module, added, order);
  return order;
}

void load_module(const std::filesystem::path& file) {
  base::FileDescriptor descriptor = base::open_file(file, O_RDONLY);
  // Unasked, it makes a device.
  const char* parameters = module_name(file) == "dummy" ? "numdummies=0" : "";
  if (::syscall(SYS_finit_module, descriptor.get(), parameters, 0) < 0 && errno != EEXIST) {
    throw base::Error::system("load module " + module_name(file));
  }
}

std::vector<std::string> modules_for(const std::vector<std::string>& needs) {
  std::vector<std::string> modules;
  for (const Need& need : known_needs()) {
    if (std::find(needs.begin(), needs.end(), need.name) == needs.end()) continue;
    for (const std::string& module : need.modules) {
      if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(module);
    }
  }
  return modules;
}

}  // namespace kernel
