#include "labctl/commands/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

namespace commands {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};

// A handler can reach nothing else.
volatile sig_atomic_t came = 0;
volatile sig_atomic_t wake_up = -1;

void handle(int number) {
  int before = errno;
  if (came == 0) came = number;
  [[maybe_unused]] ssize_t written = ::write(wake_up, "x", 1);
  errno = before;
}

void set_alarm(std::chrono::milliseconds time) {
  itimerval timer{};
  timer.it_value.tv_sec = time.count() / 1000;
  timer.it_value.tv_usec = time.count() % 1000 * 1000;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

Interrupt::Interrupt(std::optional<std::chrono::milliseconds> limit) : pipe_(base::make_pipe()) {
  ::fcntl(pipe_.write_end.get(), F_SETFL, O_NONBLOCK);
  came = 0;
  wake_up = pipe_.write_end.get();
  for (int number : kSignals) {
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    struct sigaction before {};
    // What is ignored (nohup) stays so.
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(number, &action, nullptr);
  }
  if (limit) set_alarm(*limit);
}

Interrupt::~Interrupt() {
  set_alarm({});
  for (int number : kSignals) {
    struct sigaction before {};
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == handle) ::signal(number, SIG_DFL);
  }
  wake_up = -1;
}

int Interrupt::signal() const {
  return came == SIGALRM ? 0 : came;
}
bool Interrupt::limit_reached() const {
  return came == SIGALRM;
}

}  // namespace commands
