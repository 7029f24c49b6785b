// User namespaces of one user, and why one may not have them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "lib/base/error.h"

namespace kernel {

// Makes OUTSIDE_UID and OUTSIDE_GID of this user namespace the root of that of process PID, and nobody else anybody
// there.
void map_root(pid_t pid, uid_t outside_uid, gid_t outside_gid);

// Forks a child that is root of a new user namespace, and in new namespaces of these KINDS (CLONE_NEWNET|…). BEFORE
// runs in them while the caller's own rights on files still hold; CHILD afterwards, and must end the process. What the
// child throws, it hands to FAILED, and ends with exit code 1. Root of the host is nobody in it: as uid 0 it would own
// what /proc/sys and /sys show of the host, and no namespace would keep it from writing there.
pid_t fork_in_user_namespace(int kinds, const std::function<void()>& before, const std::function<void()>& child,
                             const std::function<void(const base::Error&)>& failed);

// FAILURE to create or to use a user namespace, with what forbids it here and what a user can do about it.
base::Error explain_user_namespace(const base::Error& failure);

// "forbidden by kernel.unprivileged_userns_clone=0"; empty where nothing is found that forbids it.
struct UserNamespaceObstacle {
  std::string what;
  std::string mend;
};
UserNamespaceObstacle find_user_namespace_obstacle();

}  // namespace kernel
