// The first process of a node: waits for those whose parent has gone, and ends when asked. When it ends, so does every
// process of the node, as the kernel does with a process namespace. Plain C++ without libraries: it starts in every
// node.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  for (;;) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    int received = 0;
    if (sigwait(&signals, &received) == 0 && received == SIGTERM) return 0;
  }
}
