#include "labctl/kernel/user_namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

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

void signal_other(base::FileDescriptor& pipe) { base::write_all(pipe.get(), "x"); }

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

void run_child(int kinds, bool is_root, base::Pipe& unshared, base::Pipe& mapped, const std::function<void()>& before) {
  unshared.read_end.reset();
  mapped.write_end.reset();
  if (is_root) base::check_system("drop supplementary groups", ::setgroups(0, nullptr));
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
  bool is_root = ::geteuid() == 0;
  base::Pipe unshared = base::make_pipe(), mapped = base::make_pipe();
  pid_t pid = base::check_system("fork", ::fork());
  if (pid == 0) {
    try {
      run_child(kinds, is_root, unshared, mapped, before);
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
    map_root(pid, is_root ? kNobody : ::geteuid(), is_root ? kNobody : ::getegid());
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
