// The shell of a lab: namespaces and mounts that keep it apart from the host, for either kernel. Becomes, as PID 1 of
// the lab, the supervisor (host's kernel) or the keeper of the embedded kernel. Descriptors 3 to 8: see
// kernel/bundle.h.
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "labctl/kernel/bundle.h"
#include "labctl/kernel/lab.h"
#include "labctl/kernel/lab_shell/namespaces.h"
#include "labctl/kernel/lab_shell/seccomp_filter.h"
#include "labctl/kernel/mounts.h"
#include "labctl/kernel/user_namespace.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace {

namespace fs = std::filesystem;

// A part of the host's files, opened while the caller's own rights still held.
struct NamedMount {
  kernel::Mount mount;
  base::FileDescriptor source;
  base::FileDescriptor copy;
};

class Shell {
 public:
  Shell()
      : bundle_(kernel::read_bundle(kernel::kBundleFd)),
        programs_(kernel::Installation::find()),
        home_(home_of_caller()) {}

  void start() {
    pid_t child = kernel::fork_in_user_namespace(
        CLONE_NEWNS | CLONE_NEWPID, [this] { open_sources(); }, [this] { start_pid_1(); }, fail);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }

 private:
  static std::string home_of_caller() {
    const passwd* entry = ::getpwuid(::getuid());
    return entry == nullptr ? std::string() : std::string(entry->pw_dir);
  }

  // Its own pid namespace is that of its children; what it forks is told by the host's number.
  void start_pid_1() {
    pid_t first = base::check_system("fork", ::fork());
    if (first == 0) run_as_pid_1();
    write_pid(first);
    ::_exit(0);
  }

  // For those who must end a lab that does not answer: it holds the lock on this file as long as it lives.
  static void write_pid(pid_t pid) {
    std::string text = std::to_string(pid) + "\n";
    if (::ftruncate(kernel::kLockFd, 0) == 0) {
      [[maybe_unused]] ssize_t written = ::pwrite(kernel::kLockFd, text.data(), text.size(), 0);
    }
  }

  void open_source(const kernel::Mount& mount) {
    base::in_context("mount " + mount.source, [&] {
      mounts_.push_back({mount, base::open_file(mount.source, O_PATH), base::FileDescriptor()});
    });
  }

  void open_sources() {
    if (fs::is_directory(programs_.bin)) open_source({programs_.bin, kernel::kLabBin, false});
    open_source({programs_.libexec, kernel::kLabLibexec, false});
    for (const kernel::Mount& mount : kernel::bundle_mounts(bundle_)) open_source(mount);
  }

  // Before anything is read-only or hidden: a copy has the flags of what it was copied from.
  void copy_sources() {
    base::check_system("keep mounts to itself", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    for (NamedMount& named : mounts_) {
      base::in_context("mount " + named.mount.source, [&] {
        named.copy = kernel::clone_mount(named.source.get(), "");
        if (!named.mount.writable) kernel::protect_mount(named.copy.get(), "", true);
      });
    }
  }

  void attach_sources() {
    for (NamedMount& named : mounts_) {
      base::in_context("mount " + named.mount.source + " at " + named.mount.target, [&] {
        struct stat status {};
        base::check_system("look at it", ::fstat(named.source.get(), &status));
        make_target(named.mount.target, S_ISDIR(status.st_mode));
        kernel::attach_mount(named.copy, named.mount.target);
      });
    }
    mounts_.clear();
  }

  static void make_target(const std::string& target, bool is_folder) {
    if (fs::exists(target)) return;
    try {
      kernel::make_directories(is_folder ? fs::path(target) : fs::path(target).parent_path());
      if (!is_folder) base::open_file(target, O_WRONLY | O_CREAT, 0644);
    } catch (const base::Error& error) {
      throw error.with_mend(
          "the host's folders are read-only in a lab; choose a target that exists, or one below "
          "/home, /run or /tmp");
    }
  }

  void make_mounts() {
    copy_sources();
    kernel::protect_mount(AT_FDCWD, "/", false);
    std::vector<std::string> masked;
    if (home_.size() > 1) masked.push_back(home_);
    kernel::mount_devices(kernel::DeviceSource::kHost);
    kernel::mount_private_directories(masked);
    mount_own_proc();
    attach_sources();
  }

  // The kernel gives a new view of /proc to those only whose own is whole.
  static void mount_own_proc() {
    try {
      kernel::mount_at("labctl", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
    } catch (const base::Error& error) {
      throw error.with_mend("a container hides parts of /proc; with Docker: --security-opt systempaths=unconfined");
    }
  }

  [[noreturn]] void run_as_pid_1() {
    try {
      ::setsid();
      ::umask(022);
      make_mounts();
      lab_shell::enter_inner_namespaces(kernel::bundle_name(bundle_));
      kernel::mount_own_sys();
      base::check_system("enter /", ::chdir("/"));
      execute();
    } catch (const base::Error& error) {
      fail(error);
    }
  }

  [[noreturn]] void execute() {
    bool embedded = kernel::bundle_provider(bundle_) == "uml";
    // An embedded kernel has users of its own.
    if (!embedded) lab_shell::pretend_to_change_owner();
    exit_if_starter_gone();
    std::string program = std::string(kernel::kLabLibexec) + (embedded ? "/uml-keeper" : "/supervisor");
    char* arguments[] = {program.data(), nullptr};
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/labctl/bin";
    char home[] = "HOME=/root";
    char language[] = "LANG=C.UTF-8";
    char* environment[] = {path, home, language, nullptr};
    ::close_range(kernel::kGuestLogFd + 1, ~0U, 0);
    ::execve(program.c_str(), arguments, environment);
    throw base::Error::system("run " + program);
  }

  // Whoever started the lab holds the other end of the progress socket; from here on PID 1 watches it.
  static void exit_if_starter_gone() {
    pollfd starter{kernel::kProgressFd, POLLIN, 0};
    if (::poll(&starter, 1, 0) > 0 && (starter.revents & (POLLHUP | POLLERR)) != 0) ::_exit(1);
  }

 public:
  [[noreturn]] static void fail(const base::Error& error) {
    std::fprintf(stderr, "lab-shell: %s\n", error.what());
    std::string line = kernel::error_line(error.what());
    [[maybe_unused]] ssize_t written = ::write(kernel::kProgressFd, line.data(), line.size());
    ::_exit(1);
  }

 private:
  boost::json::object bundle_;
  kernel::Installation programs_;
  std::string home_;
  std::vector<NamedMount> mounts_;
};

void set_limits() {
  // The memory of an embedded kernel would be dumped, GiBs of it.
  rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // A node is half a dozen descriptors.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace

int main() {
  try {
    set_limits();
    Shell().start();
    return 0;
  } catch (const base::Error& error) {
    Shell::fail(error);
  }
}
