// Which interfaces the running kernel serves for this user: found by using them, in a throw-away child.
#pragma once

#include <string>
#include <vector>

#include "labctl/kernel/needs.h"

namespace kernel {

// One status for each of NEEDS, in their order. Forks a child with user and network namespaces of its own; nothing of
// it remains. Loads no module: what is neither built in nor loaded is reported as such and not tried. Throws
// base::Error where this user may not have user namespaces at all; the message names the sysctl at fault.
std::vector<NeedStatus> probe_host(const std::vector<std::string>& needs);

// Empty where this user may create user namespaces, else why not, and the mend.
struct UserNamespaces {
  bool work = false;
  std::string why;
  std::string mend;
};
UserNamespaces probe_user_namespaces();

}  // namespace kernel
