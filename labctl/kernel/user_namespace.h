// User namespaces of one user, and why one may not have them.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/error.h"

namespace kernel {

// Makes OUTSIDE_UID and OUTSIDE_GID of this user namespace the root of that of process PID, and nobody else anybody there.
void map_root(pid_t pid, uid_t outside_uid, gid_t outside_gid);

// FAILURE to create or to use a user namespace, with what forbids it here and what a user can do about it.
base::Error explain_user_namespace(const base::Error& failure);

// "forbidden by kernel.unprivileged_userns_clone=0"; empty where nothing is found that forbids it.
struct UserNamespaceObstacle {
  std::string what;
  std::string mend;
};
UserNamespaceObstacle find_user_namespace_obstacle();

}  // namespace kernel
