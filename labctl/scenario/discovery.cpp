#include "labctl/scenario/discovery.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "labctl/lab/start.h"

namespace scenario {
namespace {

namespace fs = std::filesystem;

bool looks_like_topology(const fs::path& file) {
  if (file.extension() != ".yaml" && file.extension() != ".yml") return false;
  std::ifstream text(file);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("version:")) return true;
  }
  return false;
}

std::vector<std::string> topologies_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator(); ++it) {
    bool hidden = it->path().filename().string().starts_with('.');
    if (hidden && it->is_directory()) it.disable_recursion_pending();
    if (!hidden && it->is_regular_file() && looks_like_topology(it->path())) files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool passes(const std::string& path, const std::string& filter) {
  if (path.find(filter) != std::string::npos) return true;
  try {
    return lab::read_topology(path).name.value.find(filter) != std::string::npos;
  } catch (const std::exception&) {  // one that is at fault has no name
    return false;
  }
}

}  // namespace

std::vector<std::string> find_topologies(const std::vector<std::string>& paths, const std::string& filter) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code failure;
    fs::file_status status = fs::status(path, failure);
    if (!fs::exists(status)) throw lab::BadInput(base::Error("no such file or folder: " + path));
    std::vector<std::string> more = fs::is_directory(status) ? topologies_below(path) : std::vector<std::string>{path};
    files.insert(files.end(), more.begin(), more.end());
  }
  std::erase_if(files, [&](const std::string& file) { return !filter.empty() && !passes(file, filter); });
  return files;
}

}  // namespace scenario
