#include "labctl/kernel/lab.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>

#include "labctl/kernel/bundle.h"
#include "lib/base/error.h"

namespace kernel {

namespace fs = std::filesystem;
namespace json = boost::json;

Installation Installation::find() {
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) throw base::Error::system("find labctl's own programs", error.value());
  // One of the programs in libexec/labctl itself asks.
  if (fs::exists(folder / "lab-shell", error)) return {folder.parent_path().parent_path() / "bin", folder};
  return {folder, folder.parent_path() / "libexec" / "labctl"};
}

namespace {

base::FileDescriptor bundle_file(const LabSpec& spec) {
  base::FileDescriptor file(base::check_system("make the bundle", ::memfd_create("bundle", MFD_CLOEXEC)));
  base::write_all(file.get(), bundle_of(spec));
  return file;
}

// In the child: nothing but system calls.
[[noreturn]] void become_lab_shell(const std::string& program, const std::array<int, 6>& descriptors, int null) {
  ::setsid();
  // Two rounds: a descriptor may have the number that another one is to get.
  std::array<int, 6> spare{};
  for (std::size_t i = 0; i < descriptors.size(); ++i) spare[i] = ::fcntl(descriptors[i], F_DUPFD_CLOEXEC, 32);
  int spare_null = ::fcntl(null, F_DUPFD_CLOEXEC, 32);
  for (std::size_t i = 0; i < spare.size(); ++i) ::dup2(spare[i], kBundleFd + static_cast<int>(i));
  ::dup2(spare_null, 0);
  ::dup2(kLabLogFd, 1);
  ::dup2(kLabLogFd, 2);
  ::execl(program.c_str(), program.c_str(), nullptr);
  std::string line = error_line("run " + program + ": " + std::strerror(errno));
  [[maybe_unused]] ssize_t written = ::write(kProgressFd, line.data(), line.size());
  ::_exit(1);
}

std::string last_lines(int log, std::size_t count) {
  try {
    std::string text = base::read_file("/proc/self/fd/" + std::to_string(log));
    std::size_t start = text.size();
    for (std::size_t i = 0; i <= count && start != std::string::npos && start > 0; ++i)
      start = text.rfind('\n', start - 1);
    return start == std::string::npos ? text : text.substr(std::min(start + 1, text.size()));
  } catch (const base::Error&) {
    return {};
  }
}

// Takes the lines off the progress socket until one says how it came out.
class ProgressReader {
 public:
  ProgressReader(base::FileDescriptor socket, const std::function<void(const Progress&)>& on_progress, int interrupt)
      : socket_(std::move(socket)), on_progress_(on_progress), interrupt_(interrupt) {}

  // False where the lab is gone without a word.
  bool wait_until_ready() {
    std::string text;
    char buffer[4096];
    for (;;) {
      wait();
      ssize_t count = ::read(socket_.get(), buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(count));
      for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
        if (handle(text.substr(0, end))) return true;
      }
    }
  }

 private:
  void wait() {
    pollfd polled[] = {{socket_.get(), POLLIN, 0}, {interrupt_, POLLIN, 0}};
    while (::poll(polled, 2, -1) < 0 && errno == EINTR) {
    }
    if (polled[1].revents != 0) throw base::Error("start the lab: interrupted");
  }

  bool handle(const std::string& line) {
    boost::system::error_code error;
    json::value value = json::parse(line, error);
    if (error || !value.is_object()) return false;
    const json::object& object = value.get_object();
    if (const json::value* message = object.if_contains("error")) {
      throw base::Error(message->is_string() ? std::string(message->get_string()) : json::serialize(*message));
    }
    if (object.contains("ready")) return true;
    Progress progress;
    if (const json::value* phase = object.if_contains("phase"); phase != nullptr && phase->is_string()) {
      progress.phase = phase->get_string();
    }
    if (const json::value* text = object.if_contains("message"); text != nullptr && text->is_string()) {
      progress.message = text->get_string();
    }
    if (const json::value* ms = object.if_contains("ms"); ms != nullptr && ms->is_number()) {
      progress.milliseconds = ms->to_number<double>();
    }
    if (on_progress_) on_progress_(progress);
    return false;
  }

  base::FileDescriptor socket_;
  const std::function<void(const Progress&)>& on_progress_;
  int interrupt_;
};

}  // namespace

void start_lab(const LabSpec& spec, LabFiles files, const Installation& installation,
               const std::function<void(const Progress&)>& on_progress, int interrupt) {
  base::FileDescriptor bundle = bundle_file(spec);
  base::FileDescriptor null = base::open_file("/dev/null", O_RDWR);
  int ends[2];
  base::check_system("make a socket pair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  base::FileDescriptor ours(ends[0]), theirs(ends[1]);
  base::FileDescriptor log = files.lab_log.duplicate();

  const std::string program = installation.libexec / "lab-shell";
  std::array<int, 6> descriptors{bundle.get(),     files.control.get(), theirs.get(),
                                 files.lock.get(), files.lab_log.get(), files.guest_log.get()};
  pid_t child = base::check_system("fork", ::fork());
  if (child == 0) become_lab_shell(program, descriptors, null.get());
  theirs.reset();
  files = LabFiles{};
  // It ends once the lab's first process runs.
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (ProgressReader(std::move(ours), on_progress, interrupt).wait_until_ready()) return;
  std::string said = last_lines(log.get(), 10);
  throw base::Error("the lab ended before it was ready" + (said.empty() ? "" : "; the last it said:\n" + said));
}

}  // namespace kernel
