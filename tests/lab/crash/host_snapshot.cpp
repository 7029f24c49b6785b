#include "tests/lab/crash/host_snapshot.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"

namespace crash {

namespace fs = std::filesystem;

namespace {

std::string output_of(const std::vector<std::string>& command) {
  try {
    return base::run_command(command).output;
  } catch (const base::Error&) {
    return "(not installed)\n";
  }
}

// Rules without their counters, which go on counting.
std::string rules() {
  return output_of({"iptables-nft-save"}) + output_of({"iptables-legacy-save"});
}

std::string without_comments(const std::string& text) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    kept += line.substr(0, line.find(" [")) + "\n";
  }
  return kept;
}

std::string folders_below(const fs::path& root) {
  std::vector<std::string> folders;
  std::error_code error;
  auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(root, options, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory(error)) folders.push_back(entry->path());
  }
  std::sort(folders.begin(), folders.end());
  std::string text;
  for (const std::string& folder : folders) text += folder + "\n";
  return text;
}

std::string links() {
  std::vector<std::string> names;
  for (const fs::directory_entry& link : fs::directory_iterator("/sys/class/net"))
    names.push_back(link.path().filename());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

// Empty where the process has ended meanwhile.
std::string read_of_process(pid_t pid, const std::string& file) {
  try {
    return base::read_file("/proc/" + std::to_string(pid) + "/" + file);
  } catch (const base::Error&) {
    return {};
  }
}

struct Process {
  pid_t parent = 0;
  char state = '?';
};

Process read_process(pid_t pid) {
  std::string text = read_of_process(pid, "stat");
  // The name in brackets may hold anything.
  size_t end = text.rfind(')');
  Process process;
  if (end != std::string::npos) std::istringstream(text.substr(end + 1)) >> process.state >> process.parent;
  return process;
}

}  // namespace

std::string snapshot_of_host() {
  return "interfaces\n" + links() + "mounts\n" + base::read_file("/proc/self/mounts") + "rules\n" +
         without_comments(rules()) + "IPVS\n" +
         (fs::exists("/proc/net/ip_vs") ? base::read_file("/proc/net/ip_vs") : "") + "cgroups\n" +
         folders_below("/sys/fs/cgroup") + "named namespaces\n" + folders_below("/run/netns");
}

std::string added(const std::string& before, const std::string& after) {
  std::set<std::string> known;
  std::istringstream lines(before);
  for (std::string line; std::getline(lines, line);) known.insert(line);
  std::string text;
  std::istringstream now(after);
  for (std::string line; std::getline(now, line);) {
    if (known.count(line) == 0) text += line + "\n";
  }
  return text;
}

void adopt_orphans() {
  base::check_system("adopt orphans", ::prctl(PR_SET_CHILD_SUBREAPER, 1));
}

std::vector<pid_t> descendants() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  std::map<pid_t, pid_t> parents;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    pid_t pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    if (pid > 0) parents[pid] = read_process(pid).parent;
  }
  std::vector<pid_t> found;
  for (auto [pid, parent] : parents) {
    for (pid_t ancestor = parent; ancestor > 1; ancestor = parents.count(ancestor) != 0 ? parents[ancestor] : 0) {
      if (ancestor == ::getpid()) {
        found.push_back(pid);
        break;
      }
    }
  }
  return found;
}

std::string describe_processes(const std::vector<pid_t>& processes) {
  std::string text;
  for (pid_t pid : processes) {
    std::string command = read_of_process(pid, "cmdline");
    std::replace(command.begin(), command.end(), '\0', ' ');
    text += std::to_string(pid) + " " + read_process(pid).state + " " + command + "\n";
  }
  return text;
}

}  // namespace crash
