#include "labctl/supervisor/reaper.h"

#include <sys/wait.h>

#include <boost/asio/post.hpp>

namespace supervisor {

Reaper::Reaper(boost::asio::io_context& loop) : signals_(loop, SIGCHLD) {
  wait();
}

void Reaper::watch(pid_t process, std::function<void(int)> exited) {
  watched_[process] = std::move(exited);
}

void Reaper::wait() {
  signals_.async_wait([this](boost::system::error_code failure, int) {
    if (failure) return;
    wait();
    reap();
  });
}

void Reaper::reap() {
  int status = 0;
  pid_t process;
  while ((process = ::waitpid(-1, &status, WNOHANG)) > 0) {
    auto found = watched_.find(process);
    if (found == watched_.end()) continue;
    std::function<void(int)> exited = std::move(found->second);
    watched_.erase(found);
    try {
      exited(status);
    } catch (...) {
      // The others are waited for all the same: their signal may have come already.
      boost::asio::post(signals_.get_executor(), [this] { reap(); });
      throw;
    }
  }
}

}  // namespace supervisor
