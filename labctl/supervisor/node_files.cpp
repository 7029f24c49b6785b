#include "labctl/supervisor/node_files.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "labctl/kernel/mounts.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace supervisor {
namespace {

namespace fs = std::filesystem;

// Where the node's files are seen as they were. All of them, so that relative links below it lead where they should.
const std::string system_folder = std::string(kernel::kLabDirectory) + "/system";

bool is_own_memory(const fs::path& folder) {
  return folder == "/run" || folder == "/tmp";
}

void show_system() {
  if (fs::exists(system_folder)) return;
  base::FileDescriptor copy = kernel::clone_mount(AT_FDCWD, "/");
  kernel::make_directories(system_folder);
  kernel::attach_mount(copy, system_folder);
}

// In FOLDER, a link to everything that was there.
void link_entries(const fs::path& folder) {
  std::error_code unreadable;  // by this user: then nothing in it could be used either
  for (const fs::directory_entry& entry : fs::directory_iterator(system_folder + folder.string(), unreadable)) {
    fs::path target = entry.is_symlink() ? fs::read_symlink(entry.path()) : entry.path();
    fs::create_symlink(target, folder / entry.path().filename());
  }
}

// A folder of the root: memory over it, once.
void cover(const fs::path& folder) {
  show_system();
  struct stat now, before;
  base::check_system("look at " + folder.string(), ::stat(folder.c_str(), &now));
  base::check_system("look at " + folder.string(), ::stat((system_folder + folder.string()).c_str(), &before));
  if (now.st_dev != before.st_dev) return;
  kernel::mount_at("labctl", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
  link_entries(folder);
}

class Writer {
 public:
  Writer(uid_t user, gid_t group) : user_(user), group_(group) {}

  void write(const topology::File& file) const {
    base::in_context("write " + file.path, [&] {
      fs::path path = place_of(file.path);
      make_own(path.parent_path());
      fs::remove(path);
      base::FileDescriptor written = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL, file.mode);
      base::write_all(written.get(), file.text);
      base::check_system("set its mode", ::fchmod(written.get(), file.mode));
      give(path);
    });
  }

 private:
  // Where PATH leads, as the node is to see it.
  static fs::path place_of(const fs::path& path) {
    std::string folder = fs::weakly_canonical(path.parent_path());
    if (folder.starts_with(system_folder + "/")) folder.erase(0, system_folder.size());
    return fs::path(folder) / path.filename();
  }

  // Makes FOLDER one that the node can write.
  void make_own(const fs::path& folder) const {
    fs::path parent = folder.parent_path();
    if (is_own_memory(folder)) return;
    bool of_root = parent == parent.root_path();
    if (of_root) return cover(folder);
    make_own(parent);
    if (!fs::is_symlink(folder)) {
      if (fs::create_directory(folder)) give(folder);
      return;
    }
    fs::remove(folder);
    fs::create_directory(folder);
    link_entries(folder);
  }

  void give(const fs::path& path) const {
    if (user_ == 0 && group_ == 0) return;
    base::check_system("give it to its user", ::lchown(path.c_str(), user_, group_));
  }

  uid_t user_;
  gid_t group_;
};

}  // namespace

void write_node_files(const std::vector<topology::File>& files, uid_t user, gid_t group) {
  Writer writer(user, group);
  try {
    for (const topology::File& file : files) writer.write(file);
  } catch (const fs::filesystem_error& error) {
    throw base::Error(error.what());
  }
}

}  // namespace supervisor
