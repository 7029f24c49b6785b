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
#include <sstream>

#include "lib/base/error.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace base {
namespace {

constexpr size_t stack_size = 256 * 1024;

struct Start {
  const Program& program;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::string> files;  // one of them is the program
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

// Only in the child can be seen which of them is there. Nothing may be allocated here: who execs frees nothing.
void execute(const Start& start) {
  int failure = ENOENT;
  for (const std::string& file : start.files) {
    ::execvpe(file.c_str(), start.arguments.data(), start.environment.data());
    if (errno != ENOENT && errno != ENOTDIR && failure != EACCES) failure = errno;
  }
  errno = failure;
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
  execute(start);
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

// Of AddressSanitizer: whoever execs never leaves its functions, and their marks would stay for what is put here next.
void forget_marks([[maybe_unused]] void* memory, [[maybe_unused]] size_t size) {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(memory, size);
#endif
}

// Memory for a process that shares ours.
class Stack {
 public:
  Stack()
      : memory_(::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
    if (memory_ == MAP_FAILED) throw Error::system("make a stack");
  }
  ~Stack() {
    forget_marks(memory_, stack_size);
    ::munmap(memory_, stack_size);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  void* top() const { return static_cast<char*>(memory_) + stack_size; }

 private:
  void* memory_;
};

// A child that shares our memory; returns when it has executed its program, or ended.
pid_t clone_sharing_memory(int (*function)(void*), void* argument, const Stack& stack, int flags) {
  return ::clone(function, stack.top(), CLONE_VM | CLONE_VFORK | SIGCHLD | flags, argument);
}

struct MiddleChild {
  Start& start;
  const Stack& stack;
  pid_t child = -1;
};

// Enters the process namespace on behalf of the child that it leaves to our care (CLONE_PARENT). We could not come back
// from there: our own process namespace belongs to a user namespace outside of ours.
int middle_main(void* argument) {
  auto* middle = static_cast<MiddleChild*>(argument);
  const Program& program = middle->start.program;
  try {
    check_system("enter a process namespace", ::setns(program.pid_namespace, CLONE_NEWPID));
    middle->child = check_system(
        "start " + program.arguments[0],
        clone_sharing_memory(child_main, &middle->start, middle->stack, CLONE_PARENT | program.new_namespaces));
  } catch (const Error& error) {
    middle->start.failure = error;
  }
  ::_exit(0);
}

pid_t clone_into_pid_namespace(Start& start, const Stack& stack) {
  Stack middle_stack;
  MiddleChild middle{start, stack};
  pid_t pid = check_system("fork", clone_sharing_memory(middle_main, &middle, middle_stack, 0));
  ::waitpid(pid, nullptr, 0);
  return middle.child;
}

// execvpe(3) would look in our PATH: a program is looked for in the PATH that it is to have.
std::vector<std::string> files_of(const Program& program) {
  const std::string& name = program.arguments[0];
  auto path = program.environment.find("PATH");
  if (name.find('/') != std::string::npos || path == program.environment.end()) return {name};
  std::vector<std::string> files;
  std::istringstream folders(path->second);
  for (std::string folder; std::getline(folders, folder, ':');) {
    files.push_back((folder.empty() ? "." : folder) + "/" + name);
  }
  return files;
}

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
  Start start{program, pointers(program.arguments), pointers(variables), files_of(program), null.get(), std::nullopt};

  Stack stack;
  pid_t child;
  {
    BlockedSignals blocked;
    child = program.pid_namespace >= 0
                ? clone_into_pid_namespace(start, stack)
                : check_system("start " + program.arguments[0],
                               clone_sharing_memory(child_main, &start, stack, program.new_namespaces));
  }
  if (start.failure) {
    if (child > 0) ::waitpid(child, nullptr, 0);
    throw *start.failure;
  }
  return child;
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace base
