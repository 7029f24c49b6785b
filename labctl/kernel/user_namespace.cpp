#include "labctl/kernel/user_namespace.h"

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

}  // namespace

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
