#include "labctl/supervisor/run_to_end.h"

#include <signal.h>

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "labctl/supervisor/output_log.h"
#include "lib/base/process.h"

namespace supervisor {

void run_to_end(boost::asio::io_context& loop, Reaper& reaper, Node& node, std::vector<std::string> arguments,
                std::chrono::milliseconds timeout, std::function<void(CommandOutcome)> done) {
  base::Pipe output = base::make_pipe();
  base::Program program;
  program.arguments = std::move(arguments);
  program.output = program.error = output.write_end.get();
  pid_t pid = node.start(program);
  output.write_end.reset();
  auto log = std::make_shared<OutputLog>();
  log->read_from(loop, std::move(output.read_end));

  auto timed_out = std::make_shared<bool>(false);
  auto timer = std::make_shared<boost::asio::steady_timer>(loop, timeout);
  timer->async_wait([pid, timed_out](boost::system::error_code cancelled) {
    if (cancelled) return;
    *timed_out = true;
    ::kill(-pid, SIGKILL);
  });
  reaper.watch(pid, [log, timer, timed_out, done = std::move(done)](int status) {
    timer->cancel();
    done({*timed_out ? -1 : base::exit_code_of(status), log->text().substr(0, 64 * 1024)});
  });
}

}  // namespace supervisor
