#include "lib/base/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "lib/base/error.h"

namespace base {
namespace {

constexpr size_t stack_size = 256 * 1024;

struct Start {
  const Program& program;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int null = -1;
  std::optional<Error> failure;
};

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The three may overlap with one another's numbers: copies first, then into place.
void set_standard_streams(const Start& start) {
  const int wanted[3] = {start.program.input, start.program.output, start.program.error};
  int copies[3];
  for (int i = 0; i < 3; ++i) {
    int source = wanted[i] >= 0 ? wanted[i] : start.null;
    copies[i] = check_system("copy a standard stream", ::fcntl(source, F_DUPFD_CLOEXEC, 10));
  }
  for (int i = 0; i < 3; ++i) check_system("set a standard stream", ::dup2(copies[i], i));
}

void become(Start& start) {
  const Program& program = start.program;
  for (int name_space : program.namespaces) check_system("enter a namespace", ::setns(name_space, 0));
  if (program.prepare != nullptr) program.prepare(program.prepare_argument);
  ::setsid();
  reset_signals();
  set_standard_streams(start);
  if (program.controlling_terminal) check_system("take the terminal", ::ioctl(0, TIOCSCTTY, 0));
  if (::chdir(program.working_directory.c_str()) < 0) throw Error::system("enter " + program.working_directory);
  ::execvpe(start.arguments[0], start.arguments.data(), start.environment.data());
  throw Error::system("run " + program.arguments[0]);
}

int child_main(void* argument) {
  auto* start = static_cast<Start*>(argument);
  try {
    become(*start);
  } catch (const Error& error) {
    start->failure = error;
  }
  ::_exit(127);
}

// The namespace that our next child is born into; ours again at the end of the scope.
class PidNamespaceOfChildren {
 public:
  explicit PidNamespaceOfChildren(int name_space) {
    if (name_space < 0) return;
    own_ = open_file("/proc/self/ns/pid", O_RDONLY);
    check_system("enter a process namespace", ::setns(name_space, CLONE_NEWPID));
  }
  ~PidNamespaceOfChildren() {
    if (own_.valid() && ::setns(own_.get(), CLONE_NEWPID) < 0) std::terminate();
  }

 private:
  FileDescriptor own_;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

// With all signals blocked: a handler must not run in the child while it shares our memory.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

pid_t start_program(const Program& program) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : program.environment) variables.push_back(name + "=" + value);
  FileDescriptor null = open_file("/dev/null", O_RDWR);
  Start start{program, pointers(program.arguments), pointers(variables), null.get(), std::nullopt};

  void* stack = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) throw Error::system("make a stack");
  pid_t child;
  {
    BlockedSignals blocked;
    PidNamespaceOfChildren born_into(program.pid_namespace);
    child = ::clone(child_main, static_cast<char*>(stack) + stack_size,
                    CLONE_VM | CLONE_VFORK | SIGCHLD | program.new_namespaces, &start);
  }
  int failure = errno;
  ::munmap(stack, stack_size);
  if (child < 0) throw Error::system("start " + program.arguments[0], failure);
  if (start.failure) {
    ::waitpid(child, nullptr, 0);
    throw *start.failure;
  }
  return child;
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace base
