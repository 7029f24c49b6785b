#include "labctl/kernel/lab_shell/namespaces.h"

#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "labctl/kernel/user_namespace.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace lab_shell {
namespace {

// Root of the host is nobody in a lab: as uid 0 it would own what /proc/sys and /sys show of the host, and no namespace
// would keep it from writing there.
constexpr uid_t kNobody = 65534;

pid_t fork_checked() { return base::check_system("fork", ::fork()); }

void wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // The child has said why.
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ::_exit(1);
}

void signal_other(base::FileDescriptor& pipe) { base::write_all(pipe.get(), "x"); }

// False where the other side is gone.
bool wait_for_other(base::FileDescriptor& pipe) {
  char byte;
  return ::read(pipe.get(), &byte, 1) == 1;
}

void become_root_of_namespace() {
  base::check_system("become root of the lab", ::setresgid(0, 0, 0));
  base::check_system("become root of the lab", ::setresuid(0, 0, 0));
  // A change of user makes a process unreadable to itself: /proc/self would belong to nobody.
  ::prctl(PR_SET_DUMPABLE, 1);
}

void set_loopback_up() {
  base::FileDescriptor socket(base::check_system("make a socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  base::check_system("set lo up", ::ioctl(socket.get(), SIOCSIFFLAGS, &request));
}

}  // namespace

void start_in_outer_namespaces(const std::function<void()>& before, const std::function<void(int pid)>& started,
                               const std::function<void()>& pid_1) {
  bool is_root = ::geteuid() == 0;
  uid_t user = is_root ? kNobody : ::geteuid();
  gid_t group = is_root ? kNobody : ::getegid();
  if (is_root) base::check_system("drop supplementary groups", ::setgroups(0, nullptr));
  base::Pipe unshared = base::make_pipe(), mapped = base::make_pipe();

  pid_t child = fork_checked();
  if (child != 0) {
    unshared.write_end.reset();
    mapped.read_end.reset();
    if (wait_for_other(unshared.read_end)) {
      base::in_context("map the lab's root", [&] { kernel::map_root(child, user, group); });
      signal_other(mapped.write_end);
    }
    return wait_for(child);
  }

  mapped.write_end.reset();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0) {
    throw kernel::explain_user_namespace(base::Error::system("unshare"));
  }
  signal_other(unshared.write_end);
  if (!wait_for_other(mapped.read_end)) throw base::Error("the shell of the lab lost its starter");
  before();
  become_root_of_namespace();
  pid_t first = fork_checked();
  if (first == 0) {
    pid_1();
    ::_exit(1);
  }
  started(first);
  ::_exit(0);
}

void enter_inner_namespaces(const std::string& hostname) {
  int kinds = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  if (::unshare(kinds) < 0) throw kernel::explain_user_namespace(base::Error::system("unshare"));
  kernel::map_root(::getpid(), 0, 0);
  base::check_system("set the hostname", ::sethostname(hostname.data(), hostname.size()));
  set_loopback_up();
}

}  // namespace lab_shell
