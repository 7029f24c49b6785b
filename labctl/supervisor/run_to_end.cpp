#include "labctl/supervisor/run_to_end.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "labctl/supervisor/output_log.h"
#include "lib/base/error.h"
#include "lib/base/process.h"

namespace supervisor {
namespace {

// A file in memory, to be read from its beginning: unlike a pipe, it takes any text at once.
base::FileDescriptor file_of(const std::string& text) {
  base::FileDescriptor file(base::check_system("make a file in memory", ::memfd_create("input", MFD_CLOEXEC)));
  base::write_all(file.get(), text);
  base::check_system("rewind a file", ::lseek(file.get(), 0, SEEK_SET));
  return file;
}

}  // namespace

void run_to_end(boost::asio::io_context& loop, Reaper& reaper, Node& node, std::vector<std::string> arguments,
                std::chrono::milliseconds timeout, std::function<void(CommandOutcome)> done, const std::string& input) {
  base::Pipe output = base::make_pipe();
  base::FileDescriptor text;
  if (!input.empty()) text = file_of(input);
  base::Program program;
  program.arguments = std::move(arguments);
  program.input = text.get();
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
