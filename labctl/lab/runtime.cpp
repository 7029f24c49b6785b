#include "labctl/lab/runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <thread>

#include "labctl/lab/last_words.h"
#include "labctl/lab/lock.h"
#include "labctl/topology/topology.h"
#include "lib/base/file_descriptor.h"

namespace lab {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLongestName = topology::longest_lab_name;
constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

bool is_own_folder(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

fs::path wanted_directory() {
  const char* chosen = std::getenv("LABCTL_RUNTIME_DIR");
  if (chosen != nullptr && *chosen != '\0') return fs::absolute(chosen);
  const char* session = std::getenv("XDG_RUNTIME_DIR");
  if (session != nullptr && *session == '/' && is_own_folder(session)) return fs::path(session) / "labctl";
  std::string user = std::to_string(::geteuid());
  if (is_own_folder("/run/user/" + user)) return "/run/user/" + user + "/labctl";
  return "/tmp/labctl-" + user;
}

// Below /tmp anybody may have made it before us.
void check_private(const fs::path& path) {
  struct stat status {};
  base::check_system("look at " + path.string(), ::lstat(path.c_str(), &status));
  if (!S_ISDIR(status.st_mode)) throw base::Error(path.string() + " is no folder").with_mend("remove it");
  if (status.st_uid != ::geteuid()) {
    throw base::Error(path.string() + " belongs to somebody else")
        .with_mend("set LABCTL_RUNTIME_DIR to a folder of yours");
  }
  if ((status.st_mode & 077) != 0) {
    throw base::Error("others may enter " + path.string()).with_mend("chmod 700 " + path.string());
  }
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    entries.push_back(entry->path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

bool holds_only_lab_files(const fs::path& folder) {
  struct stat status {};
  if (::lstat(folder.c_str(), &status) < 0 || !S_ISDIR(status.st_mode)) return false;
  const LabFolder lab{folder, {}};
  const fs::path known[] = {lab.control_socket(), lab.lock(), lab.lab_log(), lab.guest_log(), lab.kubectl_home()};
  std::vector<fs::path> files = entries_of(folder);
  return std::all_of(files.begin(), files.end(), [&](const fs::path& file) {
    return std::find(std::begin(known), std::end(known), file) != std::end(known);
  });
}

namespace {

std::string names_of_living() {
  std::string names;
  for (const LabFolder& folder : living_labs()) names += (names.empty() ? "" : ", ") + folder.name;
  return names;
}

}  // namespace

bool wait_for_process(const base::FileDescriptor& process, std::chrono::nanoseconds timeout) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  pollfd gone{process.get(), POLLIN, 0};
  int found = 0;
  while ((found = ::poll(&gone, 1, static_cast<int>(std::max<long>(left, 0)))) < 0 && errno == EINTR) {
  }
  return found == 1;
}

fs::path runtime_directory() {
  fs::path directory = wanted_directory();
  if ((directory / "x" / "control.sock").string().size() > kLongestSocketPath) {
    throw base::Error("no socket fits below " + directory.string() + ", its path is too long")
        .with_mend("set LABCTL_RUNTIME_DIR to a shorter one");
  }
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  if (error) throw base::Error::system("make " + directory.parent_path().string(), error.value());
  if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) throw base::Error::system("make " + directory.string());
  check_private(directory);
  return directory;
}

bool LabFolder::is_genuine() const {
  struct stat status {};
  bool has_lock = ::lstat(lock().c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid();
  return has_lock && holds_only_lab_files(path);
}

bool LabFolder::alive() const {
  base::FileDescriptor file(::open(lock().c_str(), O_RDONLY | O_CLOEXEC));
  return file.valid() && is_locked(file.get());
}

pid_t LabFolder::first_process() const {
  base::FileDescriptor file(::open(lock().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || !is_locked(file.get())) return 0;
  std::string text = base::read_all(file.get());
  pid_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

base::FileDescriptor LabFolder::open_first_process() const {
  pid_t process = first_process();
  if (process <= 0) return {};
  base::FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  // Looked at after the handle was made: so the number was still the lab's.
  return alive() ? std::move(handle) : base::FileDescriptor();
}

bool LabFolder::wait_until_ended(std::chrono::milliseconds timeout) const {
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline = Clock::now() + timeout;
  base::FileDescriptor process = open_first_process();
  while (!process.valid()) {
    if (!alive()) return true;
    if (Clock::now() > deadline) return false;
    // It has only begun, and its first process is not known yet.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    process = open_first_process();
  }
  return wait_for_process(process, deadline - Clock::now());
}

bool is_lab_name(const std::string& name) {
  auto allowed = [](unsigned char c) { return (c < 128 && std::isalnum(c)) || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= kLongestName && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), allowed);
}

void check_lab_name(const std::string& name) {
  if (is_lab_name(name)) return;
  throw base::Error("\"" + name + "\" cannot be a lab's name")
      .with_mend("letters, digits, '-' and '_', at most " + std::to_string(kLongestName) + ", not '-' first");
}

LabFolder lab_folder(const std::string& name) {
  check_lab_name(name);
  LabFolder folder{runtime_directory() / name, name};
  if (folder.control_socket().string().size() > kLongestSocketPath) {
    throw base::Error("the path of the lab's socket, " + folder.control_socket().string() + ", is too long")
        .with_mend("give the lab a shorter --name, or set LABCTL_RUNTIME_DIR to a shorter path");
  }
  return folder;
}

std::vector<LabFolder> all_labs() {
  std::vector<LabFolder> labs;
  for (const fs::path& path : entries_of(runtime_directory())) {
    LabFolder folder{path, path.filename().string()};
    if (is_lab_name(folder.name) && (folder.alive() || folder.is_genuine())) labs.push_back(std::move(folder));
  }
  return labs;
}

std::vector<LabFolder> living_labs() {
  std::vector<LabFolder> labs = all_labs();
  std::erase_if(labs, [](const LabFolder& folder) { return !folder.alive(); });
  return labs;
}

LabFolder find_lab(const std::string& name) {
  LabFolder folder = lab_folder(name);
  if (folder.alive()) return folder;
  std::string words = last_words(folder);
  if (!words.empty()) {
    throw base::Error("lab " + name + " has ended; the last it said (all of it: labctl logs " + name + " --lab):\n" +
                      words);
  }
  std::string living = names_of_living();
  throw base::Error("no lab " + name + " is running")
      .with_mend(living.empty() ? "none is; labctl up FILE starts one" : "running: " + living);
}

base::Error explain(const LabFolder& folder, const base::Error& failure) {
  // Its socket is closed a moment before it is gone.
  if (folder.alive() && !folder.wait_until_ended(std::chrono::milliseconds(500))) return failure;
  std::string words = last_words(folder);
  return base::Error("lab " + folder.name + " has ended" + (words.empty() ? "" : "; the last it said:\n" + words));
}

}  // namespace lab
