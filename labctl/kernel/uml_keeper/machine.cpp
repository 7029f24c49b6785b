#include "labctl/kernel/uml_keeper/machine.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "labctl/kernel/mounts.h"
#include "labctl/kernel/uml.h"
#include "lib/base/error.h"

namespace uml_keeper {
namespace {

constexpr const char* kKernel = kernel::kUmlKernel;
// In the shell's own memory: the guest's memory is a file here.
constexpr const char* kFolder = "/run/labctl/uml";

// Not even those of the shell's root: all that the kernel needs is its own files and its own children.
void drop_capabilities() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability);
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// In the child. A session of its own: a panicking UML sends SIGTERM to its process group.
[[noreturn]] void become_kernel(std::vector<std::string> arguments, const std::vector<int>& inherited, int console) {
  ::setsid();
  drop_capabilities();
  for (int descriptor : inherited) ::fcntl(descriptor, F_SETFD, 0);
  int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, 0);
  ::dup2(console, 1);
  ::dup2(console, 2);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string libexec = kernel::kLabLibexec;
  std::string preload = "LD_PRELOAD=" + libexec + "/uml-xstate.so:" + libexec + "/uml-clock.so";
  std::string folder = std::string("TMPDIR=") + kFolder;
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/uml";
  char home[] = "HOME=/root";
  char* environment[] = {preload.data(), folder.data(), path, home, nullptr};
  ::execve(kKernel, argv.data(), environment);
  std::string message = std::string("run ") + kKernel + " failed\n";
  [[maybe_unused]] ssize_t written = ::write(2, message.data(), message.size());
  ::_exit(127);
}

}  // namespace

std::vector<std::string> command_line(unsigned memory_mib, int line, int console, int messages) {
  auto both = [](int descriptor) { return "fd:" + std::to_string(descriptor); };
  return {
      "linux.uml",
      "mem=" + std::to_string(memory_mib) + "M",
      "uml_dir=" + std::string(kFolder) + "/",
      "umid=lab",
      "rootfstype=hostfs",
      "rootflags=/",
      "rw",
      "init=" + std::string(kernel::kLabLibexec) + "/supervisor",
      "con=null",
      "con0=null," + both(console),
      "con1=null," + both(messages),
      "ssl=null",
      "ssl0=" + both(line) + "," + both(line),
      "selinux=0",
      "--",
      "--guest",
  };
}

Machine boot(unsigned memory_mib) {
  if (::access(kKernel, X_OK) != 0) {
    throw base::Error::system(std::string("run ") + kKernel).with_mend("sudo apt install user-mode-linux");
  }
  kernel::make_directories(kFolder);
  // Without a limit of its own: a guest that runs out of it would die by SIGBUS, whatever it has been promised.
  kernel::mount_at("labctl", kFolder, "tmpfs", MS_NOSUID | MS_NODEV, "size=0,mode=700");
  int ends[2];
  base::check_system("make a socket pair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  base::FileDescriptor our_line(ends[0]), its_line(ends[1]);
  base::Pipe console = base::make_pipe(), messages = base::make_pipe();
  // A descriptor that UML watches must be no other device's: it refuses to watch one twice.
  std::vector<int> inherited{its_line.get(), console.write_end.get(), messages.write_end.get()};
  std::vector<std::string> arguments = command_line(memory_mib, inherited[0], inherited[1], inherited[2]);
  pid_t child = base::check_system("fork", ::fork());
  if (child == 0) become_kernel(arguments, inherited, console.write_end.get());
  return {child, std::move(our_line), std::move(console.read_end), std::move(messages.read_end)};
}

}  // namespace uml_keeper
