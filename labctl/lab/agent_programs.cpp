#include "labctl/lab/agent_programs.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "labctl/kernel/mounts.h"
#include "labctl/lab/start.h"

namespace lab {

namespace fs = std::filesystem;

namespace {

std::string home_of_user() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? std::string() : std::string(entry->pw_dir);
}

// Of a command line for sh.
std::string first_word(const std::string& command) {
  std::size_t start = command.find_first_not_of(" \t\n");
  if (start == std::string::npos) return {};
  if (command[start] == '"' || command[start] == '\'') {
    std::size_t end = command.find(command[start], start + 1);
    return command.substr(start + 1, end == std::string::npos ? end : end - start - 1);
  }
  return command.substr(start, command.find_first_of(" \t\n;&|<>", start) - start);
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory || path.starts_with(directory + "/");
}

class Mounts {
 public:
  explicit Mounts(const topology::Topology& topology) : home_(home_of_user()) {
    shown_.push_back(kernel::kLabDirectory);
    for (const topology::Mount& mount : topology.mounts) shown_.push_back(mount.target);
  }

  void show(const std::string& what, const std::string& program) {
    if (program.find('/') == std::string::npos || program.front() == '$') return;
    if (program.front() != '/') {
      throw BadInput(
          base::Error(what + ": " + program + ": a relative path means nothing in a lab, give the absolute one"));
    }
    if (!needs_mount(program)) return;
    if (::access(program.c_str(), X_OK) != 0) throw BadInput(base::Error::system(what + ": " + program));
    add(program);
    // What a link points to has to be seen as well.
    std::string target = fs::canonical(program).string();
    if (needs_mount(target)) add(target);
  }

  std::vector<kernel::Mount> take() { return std::move(mounts_); }

 private:
  bool needs_mount(const std::string& path) const {
    if (!kernel::is_hidden_in_labs(path, home_)) return false;
    return std::none_of(shown_.begin(), shown_.end(), [&](const std::string& it) { return is_below(path, it); });
  }

  // A home directory, or what is hidden itself: nobody means to show all of that.
  bool is_too_much(const fs::path& folder) const {
    return folder == home_ || folder.parent_path() == "/home" ||
           !kernel::is_hidden_in_labs(folder.parent_path().string(), home_);
  }

  void add(const fs::path& program) {
    fs::path folder = program.parent_path();
    std::string shown = (is_too_much(folder) ? program : folder).string();
    mounts_.push_back({shown, shown, false});
    shown_.push_back(shown);
  }

  std::string home_;
  std::vector<std::string> shown_;
  std::vector<kernel::Mount> mounts_;
};

}  // namespace

std::vector<kernel::Mount> mounts_of_agent_programs(const topology::Topology& topology) {
  Mounts mounts(topology);
  if (!topology.cluster) return {};
  const topology::Cluster& cluster = *topology.cluster;
  if (cluster.proxy.run) mounts.show("cluster: proxy: run", first_word(*cluster.proxy.run));
  if (cluster.overlay.run) mounts.show("cluster: overlay: run", first_word(*cluster.overlay.run));
  return mounts.take();
}

}  // namespace lab
