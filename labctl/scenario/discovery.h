// Which topologies are to be tested.
#pragma once

#include <string>
#include <vector>

namespace scenario {

// Files as they are given, and of folders every topology in and below them, by name: files *.yaml and *.yml that have
// "version:" at the beginning of a line, which Kubernetes manifests do not. Only those that have FILTER in their path
// or their topology's name, where it is not empty. Throws lab::BadInput where there is no such file or folder.
std::vector<std::string> find_topologies(const std::vector<std::string>& paths, const std::string& filter);

}  // namespace scenario
