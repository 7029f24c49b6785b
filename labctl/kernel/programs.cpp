#include "labctl/kernel/programs.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace kernel {

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/local/sbin:/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

bool program_exists(const std::string& name) {
  return !find_program(name).empty();
}

}  // namespace kernel
