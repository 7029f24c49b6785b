// supervisor: the first process of a lab, on the host's kernel; `supervisor --guest`: of an embedded kernel.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <string_view>

#include "labctl/kernel/bundle.h"
#include "labctl/kernel/guest.h"
#include "labctl/supervisor/control_api.h"
#include "labctl/supervisor/lab.h"
#include "lib/base/error.h"

namespace {

using ProgressSocket = boost::asio::local::stream_protocol::socket;

class Supervisor {
 public:
  explicit Supervisor(bool in_guest)
      : guest_(in_guest ? std::make_unique<kernel::Guest>(loop_) : nullptr),
        descriptors_(in_guest ? guest_->take_descriptors() : kernel::inherited_descriptors()),
        progress_(loop_, boost::asio::local::stream_protocol(), descriptors_.progress.release()) {}

  // Returns when the lab has ended. Whoever waits for the lab has been told how it went.
  void run() {
    try {
      lab_ = std::make_unique<supervisor::Lab>(loop_, kernel::read_bundle(descriptors_.bundle.get()));
      api_ = std::make_unique<supervisor::ControlApi>(*lab_, descriptors_.listener.release());
      watch_starter();
      lab_->start({[this](const std::string& phase, const std::string& message, double milliseconds) {
                     tell(kernel::progress_line(phase, message, milliseconds));
                   },
                   [this] { ready(); }, [this](const std::string& why) { fail(why); }, [this] { end_soon(); }});
      run_loop();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "supervisor: %s\n", error.what());
      tell(kernel::error_line(error.what()));
      loop_.restart();
      loop_.run_for(std::chrono::milliseconds(200));
    }
  }

 private:
  // What goes wrong in one call or event is no end of a lab that runs.
  void run_loop() {
    while (!loop_.stopped()) {
      try {
        loop_.run();
      } catch (const std::exception& error) {
        if (!lab_->is_ready()) throw;
        lab_->events().add("", "failed", error.what());
      }
    }
  }

  void tell(const std::string& line) {
    boost::system::error_code ignored;
    if (progress_.is_open()) boost::asio::write(progress_, boost::asio::buffer(line), ignored);
  }

  // Whoever starts a lab and is gone before it is ready takes it with them.
  void watch_starter() {
    progress_.async_read_some(boost::asio::buffer(starter_buffer_), [this](boost::system::error_code error, size_t) {
      if (error == boost::asio::error::operation_aborted || !progress_.is_open()) return;
      std::fprintf(stderr, "supervisor: whoever started the lab is gone\n");
      loop_.stop();
    });
  }

  void ready() {
    tell("{\"ready\":true}\n");
    boost::system::error_code ignored;
    progress_.close(ignored);
  }

  void fail(const std::string& why) {
    tell(kernel::error_line(why));
    end_soon();
  }

  // What has been answered and told is given the time to arrive.
  void end_soon() {
    timer_.expires_after(std::chrono::milliseconds(guest_ ? 50 : 5));
    timer_.async_wait([this](boost::system::error_code) { loop_.stop(); });
  }

  boost::asio::io_context loop_;
  std::unique_ptr<kernel::Guest> guest_;
  kernel::LabDescriptors descriptors_;
  ProgressSocket progress_;
  std::array<char, 16> starter_buffer_{};
  boost::asio::steady_timer timer_{loop_};
  std::unique_ptr<supervisor::Lab> lab_;
  std::unique_ptr<supervisor::ControlApi> api_;
};

// A node is half a dozen descriptors.
void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) < 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argument_count, char** arguments) {
  bool in_guest = argument_count > 1 && std::string_view(arguments[1]) == "--guest";
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  try {
    Supervisor(in_guest).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "supervisor: %s\n", error.what());
  }
  // With the first process the kernel ends all others, and with them all that they hold.
  if (in_guest) kernel::power_off_guest();
  ::_exit(0);
}
