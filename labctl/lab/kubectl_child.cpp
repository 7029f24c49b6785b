#include "labctl/lab/kubectl_child.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "labctl/kernel/loopback.h"
#include "labctl/kernel/programs.h"
#include "labctl/kernel/user_namespace.h"
#include "labctl/lab/passed_descriptor.h"
#include "labctl/lab/start.h"

namespace lab {
namespace {

// Where kubectl looks for an API server that it knows nothing of.
constexpr std::uint16_t kPort = 8080;

base::FileDescriptor make_kubeconfig(const std::string& lab) {
  std::string text = fmt::format(
      "apiVersion: v1\nkind: Config\ncurrent-context: {0}\n"
      "clusters: [{{name: {0}, cluster: {{server: \"http://127.0.0.1:{1}\"}}}}]\n"
      "users: [{{name: {0}, user: {{}}}}]\n"
      "contexts: [{{name: {0}, context: {{cluster: {0}, user: {0}}}}}]\n",
      lab, kPort);
  // Kept over exec, and gone with its last user, however that ends.
  base::FileDescriptor file(base::check_system("make a kubeconfig", ::memfd_create("kubeconfig", 0)));
  base::write_all(file.get(), text);
  return file;
}

std::string find_kubectl() {
  std::string program = kernel::find_program("kubectl");
  if (!program.empty()) return program;
  throw CannotRun(base::Error("kubectl is not installed").with_mend("sudo apt install kubernetes-client"));
}

// ---- in the child

// Root needs no user namespace; others need one of their own, in which they stay who they are.
void enter_new_network() {
  if (::geteuid() == 0 && ::unshare(CLONE_NEWNET) == 0) return;
  uid_t user = ::geteuid();
  gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
    throw kernel::explain_user_namespace(base::Error::system("make a network namespace for kubectl"));
  }
  base::in_context("make a network namespace for kubectl", [&] {
    base::write_file("/proc/self/setgroups", "deny");
    base::write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
    base::write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
  });
}

base::FileDescriptor listen_on_loopback() {
  base::FileDescriptor socket(base::check_system("make a socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  base::check_system("bind to loopback", ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  base::check_system("listen on loopback", ::listen(socket.get(), 64));
  return socket;
}

[[noreturn]] void become_kubectl(const std::string& program, const std::vector<std::string>& arguments,
                                 const KubectlStreams& streams) {
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGQUIT, SIG_DFL);
  if (streams.input != 0) ::dup2(streams.input, 0);
  if (streams.output != 1) ::dup2(streams.output, 1);
  if (streams.error_output != 2) ::dup2(streams.error_output, 2);
  std::vector<char*> words{const_cast<char*>("kubectl")};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  throw base::Error::system("run " + program);
}

// A plugin does not take kubectl's own flags, and not before its name.
bool is_plugin(const std::vector<std::string>& arguments) {
  return !arguments.empty() && !kernel::find_program("kubectl-" + arguments.front()).empty();
}

}  // namespace

KubectlChild start_kubectl(const std::string& lab, const std::string& cache, const std::vector<std::string>& arguments,
                           const KubectlStreams& streams) {
  std::string program = find_kubectl();
  base::FileDescriptor kubeconfig = make_kubeconfig(lab);
  // Discovery is cached by address, which is the same for all labs.
  std::vector<std::string> all = arguments;
  if (!is_plugin(arguments)) all.insert(all.begin(), "--cache-dir=" + cache);
  int ends[2];
  base::check_system("make a socket pair", ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  base::FileDescriptor ours(ends[0]), theirs(ends[1]);
  pid_t pid = base::check_system("fork", ::fork());
  if (pid == 0) {
    try {
      enter_new_network();
      kernel::set_loopback_up();
      pass_descriptor(theirs.get(), listen_on_loopback());
      ::setenv("KUBECONFIG", fmt::format("/proc/self/fd/{}", kubeconfig.get()).c_str(), 1);
      ::setenv("KUBECACHEDIR", cache.c_str(), 1);
      become_kubectl(program, all, streams);
    } catch (const base::Error& error) {
      pass_error(theirs.get(), error);
    }
    ::_exit(127);
  }
  theirs.reset();
  try {
    return {pid, receive_descriptor(ours.get())};
  } catch (const base::Error&) {
    ::waitpid(pid, nullptr, 0);
    throw;
  }
}

}  // namespace lab
