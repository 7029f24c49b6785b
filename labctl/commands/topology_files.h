#pragma once

#include <string>
#include <vector>

namespace commands {

// PATHS, with each folder replaced by the .yaml and .yml files in it, by name. Throws lab::BadInput for a folder
// without any.
std::vector<std::string> topology_files(const std::vector<std::string>& paths);

}  // namespace commands
