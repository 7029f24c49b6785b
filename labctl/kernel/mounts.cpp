#include "labctl/kernel/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "lib/base/error.h"

namespace kernel {

namespace fs = std::filesystem;

namespace {

struct PrivateDirectory {
  const char* path;
  unsigned mode;
  // Programs expect the folders that a package made here (/var/log/nginx): they are made anew, empty.
  bool keep_folders;
};

constexpr PrivateDirectory kPrivateDirectories[] = {
    {"/run", 0755, false},          {"/tmp", 01777, false},          {"/var/tmp", 01777, false},
    {"/var/log", 0755, true},       {"/var/cache", 0755, true},      {"/var/spool", 0755, true},
    {"/var/lib/nginx", 0755, true}, {"/var/lib/mysql", 0755, false}, {"/var/lib/haproxy", 0755, true},
    {"/var/lib/misc", 0755, false}, {"/var/lib/etcd", 0755, false},  {"/var/lib/redis", 0755, false},
    {"/home", 0755, false},         {"/root", 0700, false},
};

struct Device {
  const char* name;
  unsigned major;
  unsigned minor;
};
constexpr Device kDevices[] = {{"null", 1, 3},    {"zero", 1, 5}, {"full", 1, 7},      {"random", 1, 8},
                               {"urandom", 1, 9}, {"tty", 5, 0},  {"net/tun", 10, 200}};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kDeviceLinks[] = {{"fd", "/proc/self/fd"},
                                 {"stdin", "/proc/self/fd/0"},
                                 {"stdout", "/proc/self/fd/1"},
                                 {"stderr", "/proc/self/fd/2"},
                                 {"ptmx", "pts/ptmx"}};

std::vector<std::string> folders_below(const std::string& path) {
  std::vector<std::string> folders;
  std::error_code error;
  auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(path, options, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_symlink(ignored) || !entry->is_directory(ignored)) continue;
    folders.push_back(entry->path().string());
    if (entry.depth() >= 2) entry.disable_recursion_pending();
  }
  return folders;
}

// Where PATH leads; PATH itself where it leads nowhere.
std::string resolved(const std::string& path) {
  std::error_code error;
  fs::path target = fs::weakly_canonical(path, error);
  return error ? path : target.string();
}

void mount_memory(const std::string& path, unsigned mode, bool keep_folders) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return;
  std::vector<std::string> folders = keep_folders ? folders_below(path) : std::vector<std::string>{};
  char options[32];
  std::snprintf(options, sizeof options, "mode=%o", mode);
  mount_at("labctl", path, "tmpfs", MS_NOSUID | MS_NODEV, options);
  for (const std::string& folder : folders) fs::create_directories(folder, ignored);
}

void place_device(const Device& device, DeviceSource source, const base::FileDescriptor& host) {
  std::string path = std::string("/dev/") + device.name;
  if (source == DeviceSource::kMade) {
    base::check_system("make " + path, ::mknod(path.c_str(), S_IFCHR | 0666, makedev(device.major, device.minor)));
    ::chmod(path.c_str(), 0666);
    return;
  }
  if (!host.valid()) return;
  base::open_file(path, O_WRONLY | O_CREAT, 0666);
  attach_mount(clone_mount(host.get(), ""), path);
}

}  // namespace

void mount_at(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
              const std::string& data) {
  base::check_system("mount " + type + " at " + target,
                     ::mount(source.c_str(), target.c_str(), type.c_str(), flags, data.c_str()));
}

base::FileDescriptor clone_mount(int directory, const std::string& path) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | (path.empty() ? AT_EMPTY_PATH : 0);
  return base::FileDescriptor(
      base::check_system("copy the mount of " + path, ::open_tree(directory, path.c_str(), flags)));
}

void attach_mount(const base::FileDescriptor& mount, const std::string& target) {
  base::check_system("mount at " + target,
                     ::move_mount(mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
}

void protect_mount(int directory, const std::string& path, bool no_devices) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (no_devices ? MOUNT_ATTR_NODEV : 0);
  unsigned flags = AT_RECURSIVE | (path.empty() ? AT_EMPTY_PATH : 0);
  base::check_system("make " + (path.empty() ? "a mount" : path) + " read-only",
                     ::mount_setattr(directory, path.c_str(), flags, &attributes, sizeof attributes));
}

void make_directories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw base::Error::system("make the folder " + path, error.value());
}

void mount_private_directories(const std::vector<std::string>& masked) {
  struct Covering {
    std::string path;
    unsigned mode;
    bool keep_folders;
  };
  // A system may have made links of them (/home to /var/home): what counts is where they lead, as long as they can be
  // followed.
  std::vector<Covering> coverings;
  for (const PrivateDirectory& directory : kPrivateDirectories) {
    coverings.push_back({resolved(directory.path), directory.mode, directory.keep_folders});
  }
  for (const std::string& path : masked) coverings.push_back({resolved(path), 0700, false});
  for (const Covering& it : coverings) mount_memory(it.path, it.mode, it.keep_folders);
  make_directories("/run/lock");
  make_directories("/run/labctl");
}

void mount_own_sys() {
  constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // A user namespace may have it no more writable than the one it was made in.
  if (::mount("labctl", "/sys", "sysfs", flags, "") == 0) return;
  if (::mount("labctl", "/sys", "sysfs", flags | MS_RDONLY, "") == 0) return;
  mount_at("labctl", "/sys", "tmpfs", flags | MS_RDONLY);
}

bool is_hidden_in_labs(const std::string& path, const std::string& home) {
  std::string target = resolved(path);
  auto is_below = [&](const std::string& directory) { return (target + "/").starts_with(resolved(directory) + "/"); };
  if (home.size() > 1 && is_below(home)) return true;
  return std::any_of(std::begin(kPrivateDirectories), std::end(kPrivateDirectories),
                     [&](const PrivateDirectory& directory) { return is_below(directory.path); });
}

void mount_devices(DeviceSource source) {
  std::vector<base::FileDescriptor> host_devices;
  for (const Device& device : kDevices) {
    std::string path = std::string("/dev/") + device.name;
    host_devices.emplace_back(::open(path.c_str(), O_PATH | O_CLOEXEC));
  }
  mount_at("labctl", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755");
  make_directories("/dev/pts");
  make_directories("/dev/shm");
  make_directories("/dev/net");
  for (std::size_t i = 0; i < host_devices.size(); ++i) place_device(kDevices[i], source, host_devices[i]);
  for (const Link& link : kDeviceLinks) {
    std::string path = std::string("/dev/") + link.name;
    base::check_system("link " + path, ::symlink(link.target, path.c_str()));
  }
  mount_at("labctl", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
  mount_at("labctl", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

}  // namespace kernel
