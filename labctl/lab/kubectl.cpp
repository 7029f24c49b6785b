#include "labctl/lab/kubectl.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include "labctl/lab/forwarder.h"
#include "labctl/lab/kubectl_child.h"
#include "lib/base/process.h"

namespace lab {
namespace {

bool is_killed(Control& control, const std::string& node) {
  for (const boost::json::value& it : control.nodes()) {
    if (it.at("name") == boost::json::string(node)) return it.at("state") == "killed";
  }
  return false;
}

// kubectl itself would try for a quarter of a minute, and then quote Go.
ForwardTarget api_server_of(Control& control) {
  boost::json::object lab = control.lab();
  const boost::json::value* api = lab.if_contains("api");
  const boost::json::value* node = lab.if_contains("controlPlane");
  if (api == nullptr || node == nullptr) {
    throw base::Error("lab " + control.folder().name + " has no API server").with_mend("its topology has no cluster");
  }
  const std::string name(node->as_string());
  if (is_killed(control, name)) {
    throw base::Error("the API server's node " + name + " has been killed")
        .with_mend("restart it: labctl restart " + control.folder().name + " " + name);
  }
  base::http::Endpoint endpoint = base::http::Endpoint::parse(std::string(api->as_string()));
  return {std::string(node->as_string()), endpoint.address, endpoint.port};
}

// Serves kubectl's connections until it ends.
class KubectlRun {
 public:
  KubectlRun(Control& control, const std::vector<std::string>& arguments, const KubectlStreams& streams)
      : folder_(control.folder()),
        target_(api_server_of(control)),
        child_(start_kubectl(folder_.name, folder_.kubectl_home(), arguments, streams)),
        ended_(loop_, static_cast<int>(base::check_system("watch kubectl", ::syscall(SYS_pidfd_open, child_.pid, 0)))),
        forwarder_(loop_, folder_, target_, std::move(child_.listener),
                   [this](const base::Error& error) { failure_ = error; }) {
    ended_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                      [this](boost::system::error_code) { loop_.stop(); });
  }

  boost::asio::io_context& loop() { return loop_; }
  pid_t pid() const { return child_.pid; }

  int wait() {
    loop_.run();
    int status = 0;
    while (::waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    // kubectl has seen no more of the lab's end than a connection that ended; a watch even ends well then.
    if (failure_) folder_.wait_until_ended(std::chrono::milliseconds(500));
    if (!folder_.alive()) throw explain(folder_, failure_.value_or(base::Error("it has ended")));
    return base::exit_code_of(status);
  }

 private:
  LabFolder folder_;
  boost::asio::io_context loop_;
  ForwardTarget target_;
  KubectlChild child_;
  boost::asio::posix::stream_descriptor ended_;
  Forwarder forwarder_;
  std::optional<base::Error> failure_;
};

// As a shell does while a program of the foreground runs.
class IgnoredKeyboardSignals {
 public:
  IgnoredKeyboardSignals() : interrupt_(::signal(SIGINT, SIG_IGN)), quit_(::signal(SIGQUIT, SIG_IGN)) {}
  ~IgnoredKeyboardSignals() {
    ::signal(SIGINT, interrupt_);
    ::signal(SIGQUIT, quit_);
  }
  IgnoredKeyboardSignals(const IgnoredKeyboardSignals&) = delete;
  IgnoredKeyboardSignals& operator=(const IgnoredKeyboardSignals&) = delete;

 private:
  sighandler_t interrupt_, quit_;
};

void pass_on(boost::asio::signal_set& signals, pid_t child) {
  signals.async_wait([&signals, child](boost::system::error_code failure, int number) {
    if (failure) return;
    ::kill(child, number);
    pass_on(signals, child);
  });
}

base::FileDescriptor memory_file(const std::string& contents = {}) {
  base::FileDescriptor file(base::check_system("make a file in memory", ::memfd_create("kubectl", MFD_CLOEXEC)));
  base::write_all(file.get(), contents);
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string contents_of(const base::FileDescriptor& file) {
  ::lseek(file.get(), 0, SEEK_SET);
  return base::read_all(file.get());
}

}  // namespace

int run_kubectl(Control& control, const std::vector<std::string>& arguments) {
  IgnoredKeyboardSignals guard;
  KubectlRun run(control, arguments, {});
  boost::asio::signal_set signals(run.loop(), SIGTERM, SIGHUP);
  pass_on(signals, run.pid());
  return run.wait();
}

CommandResult capture_kubectl(Control& control, const std::vector<std::string>& arguments, const std::string& input,
                              std::optional<std::chrono::milliseconds> timeout) {
  CommandResult result;
  base::FileDescriptor file = memory_file(input), output = memory_file(), error_output = memory_file();
  KubectlRun run(control, arguments, {file.get(), output.get(), error_output.get()});
  boost::asio::steady_timer timer(run.loop());
  if (timeout) {
    timer.expires_after(*timeout);
    timer.async_wait([&](boost::system::error_code failure) {
      if (failure) return;
      result.timed_out = true;
      ::kill(run.pid(), SIGKILL);
    });
  }
  result.exit_code = run.wait();
  result.output = contents_of(output);
  result.error_output = contents_of(error_output);
  return result;
}

}  // namespace lab
