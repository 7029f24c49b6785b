#include "labctl/kernel/user_namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "lib/base/file_descriptor.h"

namespace kernel {
namespace {

std::string sysctl_value(const std::string& path) {
  try {
    std::string value = base::read_file("/proc/sys/" + path);
    return value.substr(0, value.find('\n'));
  } catch (const base::Error&) {
    return {};
  }
}

constexpr uid_t kNobody = 65534;

// Whether an id of this user namespace is one outside; a container's root may have but its own.
bool is_mapped(const char* map, unsigned id) {
  std::istringstream lines(base::read_file(map));
  for (unsigned long first, outside, count; lines >> first >> outside >> count;) {
    if (id >= first && id - first < count) return true;
  }
  return false;
}

// Whoever may give up being root does.
bool becomes_nobody() {
  return ::geteuid() == 0 && base::read_file("/proc/self/setgroups").starts_with("allow") &&
         is_mapped("/proc/self/uid_map", kNobody) && is_mapped("/proc/self/gid_map", kNobody);
}

void signal_other(base::FileDescriptor& pipe) {
  base::write_all(pipe.get(), "x");
}

// False where the other side is gone.
bool wait_for_other(base::FileDescriptor& pipe) {
  char byte;
  return ::read(pipe.get(), &byte, 1) == 1;
}

void become_root_of_namespace() {
  base::check_system("become root of the user namespace", ::setresgid(0, 0, 0));
  base::check_system("become root of the user namespace", ::setresuid(0, 0, 0));
  // A change of user makes a process unreadable to itself: /proc/self would belong to nobody.
  ::prctl(PR_SET_DUMPABLE, 1);
}

void run_child(int kinds, bool drop_groups, base::Pipe& unshared, base::Pipe& mapped,
               const std::function<void()>& before) {
  unshared.read_end.reset();
  mapped.write_end.reset();
  if (drop_groups) base::check_system("drop supplementary groups", ::setgroups(0, nullptr));
  if (::unshare(CLONE_NEWUSER | kinds) < 0) throw explain_user_namespace(base::Error::system("unshare"));
  signal_other(unshared.write_end);
  // Whoever maps has said why it could not.
  if (!wait_for_other(mapped.read_end)) ::_exit(1);
  before();
  become_root_of_namespace();
}

}  // namespace

pid_t fork_in_user_namespace(int kinds, const std::function<void()>& before, const std::function<void()>& child,
                             const std::function<void(const base::Error&)>& failed) {
  bool to_nobody = becomes_nobody();
  base::Pipe unshared = base::make_pipe(), mapped = base::make_pipe();
  pid_t pid = base::check_system("fork", ::fork());
  if (pid == 0) {
    try {
      run_child(kinds, to_nobody, unshared, mapped, before);
      child();
    } catch (const base::Error& error) {
      failed(error);
    }
    ::_exit(1);
  }
  unshared.write_end.reset();
  mapped.read_end.reset();
  // A child that failed before has said why.
  if (!wait_for_other(unshared.read_end)) return pid;
  try {
    map_root(pid, to_nobody ? kNobody : ::geteuid(), to_nobody ? kNobody : ::getegid());
    signal_other(mapped.write_end);
  } catch (const base::Error& error) {
    failed(explain_user_namespace(error));
  }
  return pid;
}

void map_root(pid_t pid, uid_t outside_uid, gid_t outside_gid) {
  const std::string process = "/proc/" + std::to_string(pid) + "/";
  // Without it the kernel lets nobody but root map a group (user_namespaces(7)).
  base::write_file(process + "setgroups", "deny");
  base::write_file(process + "uid_map", "0 " + std::to_string(outside_uid) + " 1\n");
  base::write_file(process + "gid_map", "0 " + std::to_string(outside_gid) + " 1\n");
}

UserNamespaceObstacle find_user_namespace_obstacle() {
  if (sysctl_value("kernel/unprivileged_userns_clone") == "0") {
    return {"kernel.unprivileged_userns_clone is 0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"};
  }
  if (sysctl_value("user/max_user_namespaces") == "0") {
    return {"user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces=15000"};
  }
  if (sysctl_value("kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return {"AppArmor restricts them (kernel.apparmor_restrict_unprivileged_userns is 1)",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"};
  }
  return {};
}

base::Error explain_user_namespace(const base::Error& failure) {
  UserNamespaceObstacle obstacle = find_user_namespace_obstacle();
  base::Error explained = failure.within("this user may not have user namespaces");
  if (!obstacle.what.empty()) return explained.with_mend(obstacle.what + "; try: " + obstacle.mend);
  return explained.with_mend("a container or a security module may forbid them");
}

}  // namespace kernel
