#include "tests/lab/kernel/test_lab.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "labctl/kernel/provider.h"
#include "lib/base/error.h"

namespace test_lab {

namespace fs = std::filesystem;

namespace {

// Waits for something that nobody tells of.
bool eventually(const std::function<bool()>& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

base::FileDescriptor unix_socket() {
  return base::FileDescriptor(base::check_system("make a socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
}

}  // namespace

TestLab::TestLab() {
  char name[] = "/tmp/labctl-test-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw base::Error::system("make a folder below /tmp");
  folder_ = name;
  fs::path libexec = folder_ / "libexec" / "labctl";
  fs::create_directories(libexec);
  fs::create_directories(folder_ / "bin");
  for (const char* program : {"lab-shell", "uml-keeper", "uml-xstate.so", "uml-clock.so"}) {
    fs::copy(fs::path(LIBEXEC_DIR) / program, libexec / program);
  }
  fs::copy(SHELL_SERVER, libexec / "supervisor");
  spec.name = "test";
  spec.provider = "host";
  spec.memory_mib = 256;
}

TestLab::~TestLab() {
  if (pid_t lab = pid(); lab != 0 && !lock_is_free()) ::kill(lab, SIGKILL);
  has_ended();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void TestLab::start() {
  kernel::LabFiles files;
  files.control = unix_socket();
  std::string path = folder_ / "control.sock";
  sockaddr_un address = address_of(path);
  base::check_system("bind " + path,
                     ::bind(files.control.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  base::check_system("listen at " + path, ::listen(files.control.get(), 64));
  files.lock = base::open_file(folder_ / "lock", O_RDWR | O_CREAT, 0600);
  base::check_system("lock the lab", ::flock(files.lock.get(), LOCK_EX | LOCK_NB));
  files.lab_log = base::open_file(folder_ / "lab.log", O_RDWR | O_CREAT | O_APPEND, 0600);
  files.guest_log = base::open_file(folder_ / "guest.log", O_RDWR | O_CREAT | O_APPEND, 0600);
  kernel::start_lab(spec, std::move(files), {folder_ / "bin", folder_ / "libexec" / "labctl"}, nullptr);
}

base::FileDescriptor TestLab::connect(const std::string& command) {
  base::FileDescriptor socket = unix_socket();
  sockaddr_un address = address_of(folder_ / "control.sock");
  base::check_system("connect to the lab",
                     ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  base::write_all(socket.get(), command + "\n");
  return socket;
}

std::string TestLab::run(const std::string& command, const std::string& input) {
  base::FileDescriptor socket = connect(command);
  base::write_all(socket.get(), input);
  ::shutdown(socket.get(), SHUT_WR);
  return base::read_all(socket.get());
}

pid_t TestLab::pid() const {
  std::error_code error;
  if (!fs::exists(folder_ / "lock", error)) return 0;
  return static_cast<pid_t>(std::atoi(base::read_file(folder_ / "lock").c_str()));
}

bool TestLab::lock_is_free() const {
  if (!fs::exists(folder_ / "lock")) return true;
  base::FileDescriptor lock = base::open_file(folder_ / "lock", O_RDWR);
  return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

bool TestLab::has_ended() const {
  return eventually([this] { return lock_is_free(); });
}

std::string TestLab::lab_log() const {
  return base::read_file(folder_ / "lab.log");
}

std::string TestLab::guest_log() const {
  return base::read_file(folder_ / "guest.log");
}

std::string pid_namespace_of(pid_t pid) {
  std::error_code error;
  return fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/pid", error).string();
}

bool is_deserted(const std::string& pid_namespace) {
  return eventually([&] {
    for (const fs::directory_entry& process : fs::directory_iterator("/proc")) {
      pid_t pid = static_cast<pid_t>(std::atoi(process.path().filename().c_str()));
      if (pid != 0 && pid_namespace_of(pid) == pid_namespace) return false;
    }
    return true;
  });
}

std::string obstacle(const std::string& provider) {
  auto chosen = provider == "uml" ? kernel::make_uml_provider() : kernel::make_host_provider();
  return chosen->availability().why;
}

}  // namespace test_lab
