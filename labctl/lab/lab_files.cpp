// The folder of a lab, from its making to its removal.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <system_error>

#include "labctl/lab/control.h"
#include "labctl/lab/lock.h"
#include "labctl/lab/runtime.h"

namespace lab {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours kKeepLastWords{24};

bool is_file_at(int descriptor, const fs::path& path) {
  struct stat held {
  }, named{};
  return ::fstat(descriptor, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

base::Error not_a_lab(const LabFolder& folder) {
  return base::Error(folder.path.string() + " is there already, and was not made by a lab")
      .with_mend("give the lab another --name, or set LABCTL_RUNTIME_DIR to a folder that nothing else is in");
}

// A folder that is being removed may be ours to make again between any two steps.
base::FileDescriptor make_and_lock(const LabFolder& folder) {
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (::mkdir(folder.path.c_str(), 0700) < 0) {
      if (errno != EEXIST) throw base::Error::system("make the folder " + folder.path.string());
      if (!holds_only_lab_files(folder.path)) throw not_a_lab(folder);
    }
    base::FileDescriptor lock(::open(folder.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.valid() && errno == ENOENT) continue;
    base::check_system("make " + folder.lock().string(), lock.get());
    if (!take_lock(lock.get())) {
      throw base::Error("lab " + folder.name + " is running already")
          .with_mend("labctl down " + folder.name + ", or give the new one another --name");
    }
    if (is_file_at(lock.get(), folder.lock())) return lock;
  }
  throw base::Error("make the folder " + folder.path.string() + ": somebody removes it again and again");
}

// What remove_folder() calls it: ".NAME.PID".
bool is_doomed(const std::string& name) {
  std::size_t dot = name.rfind('.');
  return name.starts_with('.') && dot > 0 && is_lab_name(name.substr(1, dot - 1)) &&
         name.find_first_not_of("0123456789", dot + 1) == std::string::npos;
}

// Under another name first: whoever makes it anew meanwhile is not disturbed.
void remove_folder(const fs::path& path) {
  std::string name = path.filename().string();
  fs::path doomed = is_doomed(name) ? path : path.parent_path() / ("." + name + "." + std::to_string(::getpid()));
  std::error_code ignored;
  if (doomed != path) fs::rename(path, doomed, ignored);
  if (!ignored) fs::remove_all(doomed, ignored);
}

// Leaves it where somebody lives in it, and where it is no lab's.
void remove_if_dead(const LabFolder& folder) {
  if (!folder.is_genuine()) return;
  base::FileDescriptor lock(::open(folder.lock().c_str(), O_RDWR | O_CLOEXEC));
  if (lock.valid() && !take_lock(lock.get())) return;
  remove_folder(folder.path);
}

// Their last words have had the time to be read.
void reclaim_old_folders(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unknown;
    auto changed = fs::last_write_time(entry->path() / "lab.log", unknown);
    if (unknown) changed = fs::last_write_time(entry->path(), unknown);
    if (unknown || fs::file_time_type::clock::now() - changed < kKeepLastWords) continue;
    LabFolder folder{entry->path(), entry->path().filename().string()};
    if (is_lab_name(folder.name)) remove_if_dead(folder);
    // Its remover was killed meanwhile; the lock may have gone first.
    if (is_doomed(folder.name) && holds_only_lab_files(folder.path)) remove_folder(folder.path);
  }
}

void remove_remains(const LabFolder& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.path)) {
    if (entry.path() != folder.lock()) fs::remove_all(entry.path(), error);
    if (error) throw base::Error::system("remove " + entry.path().string(), error.value());
  }
}

base::FileDescriptor listen_at(const fs::path& path) {
  base::FileDescriptor socket(base::check_system("make a socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  // A socket's own mode becomes that of its file.
  base::check_system("protect a socket", ::fchmod(socket.get(), 0600));
  base::check_system("make the socket " + path.string(),
                     ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  base::check_system("listen at " + path.string(), ::listen(socket.get(), 128));
  return socket;
}

void ask_to_end(const LabFolder& folder, unsigned patience_ms) {
  base::http::Request request;
  request.method = "DELETE";
  request.target = "/v1/lab";
  base::http::ClientOptions options;
  options.connect_timeout = options.request_timeout = std::chrono::milliseconds(patience_ms);
  try {
    base::http::fetch(Control(folder).endpoint(), std::move(request), options);
  } catch (const base::Error&) {
    // One that does not answer is ended all the same.
  }
}

void wait_or_kill(const LabFolder& folder, const base::FileDescriptor& process, unsigned patience_ms) {
  std::chrono::milliseconds patience(patience_ms);
  bool ended = process.valid() ? wait_for_process(process, patience) : folder.wait_until_ended(patience);
  if (ended) return;
  base::FileDescriptor last = folder.open_first_process();
  if (!last.valid()) return;
  ::syscall(SYS_pidfd_send_signal, last.get(), SIGKILL, nullptr, 0);
  if (!wait_for_process(last, std::chrono::seconds(10))) {
    throw base::Error("lab " + folder.name + " does not end, though its first process was killed");
  }
}

}  // namespace

kernel::LabFiles make_lab_files(const LabFolder& folder) {
  reclaim_old_folders(folder.path.parent_path());
  kernel::LabFiles files;
  files.lock = make_and_lock(folder);
  base::check_system("empty " + folder.lock().string(), ::ftruncate(files.lock.get(), 0));
  remove_remains(folder);
  files.control = listen_at(folder.control_socket());
  files.lab_log = base::open_file(folder.lab_log(), O_RDWR | O_CREAT | O_APPEND, 0600);
  files.guest_log = base::open_file(folder.guest_log(), O_RDWR | O_CREAT | O_APPEND, 0600);
  return files;
}

void end_lab(const LabFolder& folder, unsigned patience_ms) {
  base::FileDescriptor process = folder.open_first_process();
  if (process.valid()) ask_to_end(folder, patience_ms);
  wait_or_kill(folder, process, patience_ms);
  remove_if_dead(folder);
}

void remove_lab(const LabFolder& folder, unsigned patience_ms) {
  wait_or_kill(folder, folder.open_first_process(), patience_ms);
  remove_if_dead(folder);
}

}  // namespace lab
