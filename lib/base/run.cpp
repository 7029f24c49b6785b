#include "lib/base/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/process.h"

extern char** environ;

namespace base {
namespace {

// posix_spawn uses CLONE_VFORK: inside user-mode Linux a plain fork of a large process costs tens of milliseconds.
pid_t spawn_with_pipes(const std::vector<std::string>& arguments, int input, int output, int error) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, error, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = -1;
  int failure = posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw Error::system("run " + arguments.front(), failure);
  return child;
}

void read_into(FileDescriptor& source, std::string& data) {
  std::array<char, 65536> buffer;
  ssize_t count = ::read(source.get(), buffer.data(), buffer.size());
  if (count > 0) data.append(buffer.data(), static_cast<size_t>(count));
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) source.reset();
}

// Feeds the input and collects both outputs at once, so that neither side waits for the other for ever.
void exchange(FileDescriptor input_pipe, const std::string& input, FileDescriptor output, FileDescriptor error,
              RunResult& result) {
  size_t written = 0;
  ::fcntl(input_pipe.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) input_pipe.reset();
  while (input_pipe.valid() || output.valid() || error.valid()) {
    std::array<pollfd, 3> polled{pollfd{input_pipe.get(), POLLOUT, 0}, pollfd{output.get(), POLLIN, 0},
                                 pollfd{error.get(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) throw Error::system("poll");
    if (polled[0].revents != 0) {
      ssize_t count = ::write(input_pipe.get(), input.data() + written, input.size() - written);
      if (count > 0) written += static_cast<size_t>(count);
      bool failed = count < 0 && errno != EAGAIN && errno != EINTR;
      if (failed || written == input.size()) input_pipe.reset();
    }
    if (polled[1].revents != 0) read_into(output, result.output);
    if (polled[2].revents != 0) read_into(error, result.error_output);
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error::system("wait for a child process");
  }
  return exit_code_of(status);
}

// A program that ends before it read its input must not end us.
class IgnoredPipeSignal {
 public:
  IgnoredPipeSignal() : previous_(::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoredPipeSignal() { ::signal(SIGPIPE, previous_); }

 private:
  sighandler_t previous_;
};

std::string joined(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text += (text.empty() ? "" : " ") + argument;
  return text;
}

}  // namespace

RunResult run_command(const std::vector<std::string>& arguments, const std::string& input) {
  IgnoredPipeSignal guard;
  Pipe in = make_pipe(), out = make_pipe(), error = make_pipe();
  pid_t child = spawn_with_pipes(arguments, in.read_end.get(), out.write_end.get(), error.write_end.get());
  in.read_end.reset();
  out.write_end.reset();
  error.write_end.reset();
  RunResult result;
  exchange(std::move(in.write_end), input, std::move(out.read_end), std::move(error.read_end), result);
  result.exit_code = wait_for(child);
  return result;
}

std::string run_checked(const std::vector<std::string>& arguments, const std::string& input) {
  RunResult result = run_command(arguments, input);
  if (result.exit_code != 0) {
    throw Error("run " + joined(arguments) + ": exit code " + std::to_string(result.exit_code) + ": " +
                result.error_output);
  }
  return result.output;
}

}  // namespace base
