#include "labctl/commands/topology_files.h"

#include <algorithm>
#include <filesystem>

#include "labctl/lab/start.h"

namespace commands {

namespace fs = std::filesystem;

std::vector<std::string> topology_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      std::string extension = entry.path().extension().string();
      if (extension == ".yaml" || extension == ".yml") inside.push_back(entry.path().string());
    }
    if (inside.empty()) throw lab::BadInput(base::Error(path + ": no topology (*.yaml) in this folder"));
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

}  // namespace commands
