#include "labctl/kernel/lab_shell/namespaces.h"

#include <sched.h>
#include <unistd.h>

#include "labctl/kernel/loopback.h"
#include "labctl/kernel/user_namespace.h"
#include "lib/base/error.h"

namespace lab_shell {

void enter_inner_namespaces(const std::string& hostname) {
  int kinds = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  if (::unshare(kinds) < 0) throw kernel::explain_user_namespace(base::Error::system("unshare"));
  kernel::map_root(::getpid(), 0, 0);
  base::check_system("set the hostname", ::sethostname(hostname.data(), hostname.size()));
  kernel::set_loopback_up();
}

}  // namespace lab_shell
