#include "labctl/supervisor/users.h"

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "lib/base/error.h"

namespace supervisor {
namespace {

using Stream = std::unique_ptr<FILE, int (*)(FILE*)>;

Stream open_stream(const std::string& path) {
  Stream stream(std::fopen(path.c_str(), "re"), std::fclose);
  if (!stream) throw base::Error::system("read " + path);
  return stream;
}

void add_groups(User& user, const std::string& path) {
  Stream stream = open_stream(path);
  while (group* entry = ::fgetgrent(stream.get())) {
    for (char** member = entry->gr_mem; *member != nullptr; ++member) {
      if (user.name == *member) user.groups.push_back(entry->gr_gid);
    }
  }
}

}  // namespace

// Not by getpwnam(3), which would ask whatever the host's nsswitch.conf names.
User find_user(const std::string& name, const std::string& root) {
  Stream stream = open_stream(root + "/etc/passwd");
  while (passwd* entry = ::fgetpwent(stream.get())) {
    if (name != entry->pw_name && name != std::to_string(entry->pw_uid)) continue;
    User user{entry->pw_name, entry->pw_uid, entry->pw_gid, {entry->pw_gid}, entry->pw_dir};
    stream.reset();
    add_groups(user, root + "/etc/group");
    return user;
  }
  throw base::Error("there is no user \"" + name + "\" in /etc/passwd");
}

void become_user(const User& user) {
  const std::string doing = "become user " + user.name;
  base::check_system(doing, ::setgroups(user.groups.size(), user.groups.data()));
  base::check_system(doing, ::setresgid(user.group, user.group, user.group));
  base::check_system(doing, ::setresuid(user.id, user.id, user.id));
}

}  // namespace supervisor
