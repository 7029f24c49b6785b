#include "labctl/kernel/uml_keeper/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/json/parse.hpp>

#include "labctl/kernel/bundle.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace uml_keeper {

namespace asio = boost::asio;
using boost::system::error_code;
using kernel::Multiplexer;

namespace {

constexpr const char* kBundlePath = "/run/labctl/bundle.json";

Machine boot_bundle() {
  for (int descriptor = kernel::kBundleFd; descriptor <= kernel::kGuestLogFd; ++descriptor) {
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  ::signal(SIGPIPE, SIG_IGN);
  boost::json::object bundle = kernel::read_bundle(kernel::kBundleFd);
  base::write_all(kernel::kProgressFd, kernel::progress_line("boot", "user-mode Linux", 0));
  // The guest's init finds it there: the guest's files are ours.
  base::FileDescriptor file = base::open_file(kBundlePath, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::lseek(kernel::kBundleFd, 0, SEEK_SET);
  base::write_all(file.get(), base::read_all(kernel::kBundleFd));
  return boot(kernel::bundle_memory_mib(bundle));
}

void write_quietly(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

// "Kernel panic - not syncing: …", whole, or nothing.
std::string panic_line(const std::string& console) {
  std::size_t start = console.rfind("Kernel panic");
  if (start == std::string::npos) return {};
  return console.substr(start, console.find_first_of("\r\n", start) - start);
}

}  // namespace

Keeper::Keeper()
    : machine_(boot_bundle()),
      console_(context_, machine_.console.release()),
      guest_messages_(context_, machine_.messages.release()),
      listener_(context_, asio::local::stream_protocol(), kernel::kListenerFd),
      starter_(context_, asio::local::stream_protocol(), kernel::kProgressFd),
      child_ended_(context_, SIGCHLD),
      multiplexer_(context_, std::move(machine_.line), kernel::LineProtocol::Side::kHost, kernel::kHostLimits,
                   // Its end, which says more, follows on the heels of the line's.
                   [](const std::string&) {}),
      progress_(context_) {
  multiplexer_.serve(Multiplexer::kProgress, [this] { return progress_socket(); });
  multiplexer_.greet_with([] {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  });
  multiplexer_.when_greeted([this](std::string_view) {
    double passed = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    pass_progress(kernel::progress_line("boot", "user-mode Linux is up", passed));
  });
}

int Keeper::run() {
  copy_log(console_, kernel::kGuestLogFd, console_buffer_);
  copy_log(guest_messages_, kernel::kLabLogFd, messages_buffer_);
  accept();
  watch_starter();
  watch_children();
  context_.run();
  return exit_code_;
}

void Keeper::copy_log(asio::posix::stream_descriptor& source, int log, std::array<char, 8192>& buffer) {
  source.async_read_some(asio::buffer(buffer), [this, &source, log, &buffer](error_code error, std::size_t count) {
    if (error) return;
    std::string_view text(buffer.data(), count);
    write_quietly(log, text);
    if (log == kernel::kGuestLogFd) {
      console_tail_.append(text);
      if (console_tail_.size() > 64 * 1024) console_tail_.erase(0, console_tail_.size() - 32 * 1024);
    }
    copy_log(source, log, buffer);
  });
}

void Keeper::accept() {
  listener_.async_accept([this](error_code error, Socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) multiplexer_.open(Multiplexer::kControl, std::move(socket));
    accept();
  });
}

// A starter that goes away before the lab is ready takes the lab with it; afterwards it goes as it should.
void Keeper::watch_starter() {
  starter_.async_read_some(asio::buffer(starter_buffer_), [this](error_code error, std::size_t) {
    if (error == asio::error::operation_aborted || told_outcome_) return;
    if (error) return end("whoever started the lab is gone", 1);
    watch_starter();
  });
}

void Keeper::watch_children() {
  reap();
  child_ended_.async_wait([this](error_code error, int) {
    if (!error) watch_children();
  });
}

void Keeper::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == machine_.pid) return on_guest_end(status);
  }
}

void Keeper::on_guest_end(int status) {
  // Its last words are still in the pipe.
  console_.non_blocking(true);
  char buffer[8192];
  for (ssize_t count; (count = ::read(console_.native_handle(), buffer, sizeof buffer)) > 0;) {
    std::string_view text(buffer, static_cast<std::size_t>(count));
    write_quietly(kernel::kGuestLogFd, text);
    console_tail_.append(text);
  }
  std::string panic = panic_line(console_tail_);
  if (panic.empty() && WIFEXITED(status) && WEXITSTATUS(status) == 0) return end("", 0);
  end("the embedded kernel ended (" + describe_end(status) + ")" + (panic.empty() ? "" : ": " + panic), 1);
}

Keeper::Socket Keeper::progress_socket() {
  int ends[2];
  base::check_system("make a socket pair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  progress_ = Socket(context_, asio::local::stream_protocol(), ends[0]);
  read_progress();
  return Socket(context_, asio::local::stream_protocol(), ends[1]);
}

void Keeper::read_progress() {
  progress_.async_read_some(asio::buffer(progress_buffer_), [this](error_code error, std::size_t count) {
    progress_text_.append(progress_buffer_.data(), count);
    for (std::size_t end; (end = progress_text_.find('\n')) != std::string::npos; progress_text_.erase(0, end + 1)) {
      pass_progress(progress_text_.substr(0, end + 1));
    }
    if (!error) read_progress();
  });
}

void Keeper::pass_progress(const std::string& line) {
  if (told_outcome_) return;
  error_code not_json;
  boost::json::value value = boost::json::parse(line, not_json);
  bool outcome =
      !not_json && value.is_object() && (value.get_object().contains("ready") || value.get_object().contains("error"));
  told_outcome_ = outcome;
  write_quietly(kernel::kProgressFd, line);
  if (outcome) starter_.close();
}

void Keeper::end(const std::string& why, int exit_code) {
  if (!why.empty()) {
    write_quietly(kernel::kLabLogFd, "uml-keeper: " + why + "\n");
    pass_progress(kernel::error_line(why));
  }
  exit_code_ = exit_code;
  context_.stop();
}

}  // namespace uml_keeper
