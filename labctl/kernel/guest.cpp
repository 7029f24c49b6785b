#include "labctl/kernel/guest.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/kernel/bundle.h"
#include "labctl/kernel/loopback.h"
#include "labctl/kernel/modules.h"
#include "labctl/kernel/mounts.h"
#include "labctl/kernel/multiplexer.h"
#include "lib/base/error.h"

namespace kernel {

namespace fs = std::filesystem;
namespace asio = boost::asio;

namespace {

constexpr const char* kBundlePath = "/run/labctl/bundle.json";
constexpr const char* kSocketPath = "/run/labctl/control.sock";

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

base::FileDescriptor memory_file(const char* name, const std::string& text) {
  base::FileDescriptor file(base::check_system("make a memory file", ::memfd_create(name, MFD_CLOEXEC)));
  base::write_all(file.get(), text);
  base::check_system("rewind a memory file", ::lseek(file.get(), 0, SEEK_SET));
  return file;
}

// The guest's clock is ahead after booting (uml_clock.c); the host's greeting says what time it is.
void set_clock(std::string_view greeting) {
  if (greeting.empty()) return;
  long long microseconds = std::stoll(std::string(greeting));
  timespec time{microseconds / 1000000, microseconds % 1000000 * 1000};
  base::check_system("set the clock", ::clock_settime(CLOCK_REALTIME, &time));
}

void make_raw(int terminal) {
  termios settings{};
  base::check_system("read the settings of a terminal", ::tcgetattr(terminal, &settings));
  ::cfmakeraw(&settings);
  base::check_system("make a terminal raw", ::tcsetattr(terminal, TCSANOW, &settings));
}

base::FileDescriptor open_terminal(const char* path) {
  base::FileDescriptor terminal = base::open_file(path, O_RDWR | O_NOCTTY);
  base::in_context(path, [&] { make_raw(terminal.get()); });
  return terminal;
}

// What was said before went to the kernel's console, and so to the guest's log; from here on it goes to the lab's log.
void redirect_standard_streams() {
  base::FileDescriptor null = base::open_file("/dev/null", O_RDWR);
  base::FileDescriptor log = open_terminal("/dev/tty1");
  ::dup2(null.get(), 0);
  ::dup2(log.get(), 1);
  ::dup2(log.get(), 2);
}

void set_environment() {
  ::clearenv();
  ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/labctl/bin", 1);
  ::setenv("HOME", "/root", 1);
  ::setenv("LANG", "C.UTF-8", 1);
}

void set_limits() {
  rlimit files{1 << 20, 1 << 20};
  ::setrlimit(RLIMIT_NOFILE, &files);
  rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

struct KeptMount {
  base::FileDescriptor copy;
  std::string target;
};

// The shell's mounts, seen through hostfs: folders below what is about to be hidden are kept by copies.
std::vector<KeptMount> copy_shell_mounts(const boost::json::object& bundle) {
  std::vector<KeptMount> kept;
  auto keep = [&](const std::string& path, bool writable) {
    if (!fs::exists(path)) return;
    base::FileDescriptor copy = clone_mount(AT_FDCWD, path);
    if (!writable) protect_mount(copy.get(), "", true);
    kept.push_back({std::move(copy), path});
  };
  keep(kLabBin, false);
  keep(kLabLibexec, false);
  for (const Mount& mount : bundle_mounts(bundle)) keep(mount.target, mount.writable);
  return kept;
}

void attach_shell_mounts(const std::vector<KeptMount>& kept) {
  for (const KeptMount& mount : kept) {
    struct stat status {};
    base::check_system("look at " + mount.target, ::fstat(mount.copy.get(), &status));
    bool is_folder = S_ISDIR(status.st_mode);
    if (!fs::exists(mount.target)) {
      make_directories(is_folder ? mount.target : fs::path(mount.target).parent_path().string());
      if (!is_folder) base::open_file(mount.target, O_WRONLY | O_CREAT, 0644);
    }
    attach_mount(mount.copy, mount.target);
  }
}

void make_mounts(const boost::json::object& bundle) {
  std::vector<KeptMount> kept = copy_shell_mounts(bundle);
  // The guest's root could undo this; the mounts of the shell outside, it cannot. Nosuid: what is root's on the host
  // belongs to nobody here, and a setuid program would change to that.
  protect_mount(AT_FDCWD, "/", false);
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount_at("proc", "/proc", "proc", flags);
  mount_at("sysfs", "/sys", "sysfs", flags);
  mount_devices(DeviceSource::kMade);
  mount_private_directories({});
  attach_shell_mounts(kept);
}

// iptables-nft needs nf_tables with the family ip (Kconfig: NF_TABLES_IPV4, as nft_reject_ipv4 does).
bool serves_iptables_nft(const ModuleTree& modules) {
  return modules.has("nft_reject_ipv4");
}

// Debian's `iptables` is one of two programs, as its alternatives have it: usually the one that speaks nf_tables. Where
// this kernel cannot serve it, the other one takes its place, so that what people type works.
void offer_iptables_that_works() {
  const char* const nft = "/usr/sbin/xtables-nft-multi";
  const char* const legacy = "/usr/sbin/xtables-legacy-multi";
  if (fs::exists(nft) && fs::exists(legacy)) mount_at(legacy, nft, "", MS_BIND);
}

// Tunnel modules put a device of their own (tunl0, gre0) into every network namespace: slow, and in nobody's topology.
void forbid_fallback_tunnels() {
  base::write_file("/proc/sys/net/core/fb_tunnels_only_for_init_net", "2");
}

// Whoever asks the kernel for something that no need implied gets it later, and slower, than by a need.
// Half an nf_tables is worse than none: who asks whether it is there (subsystem 10 of nfnetlink) would take it for
// whole.
void set_autoload(const ModuleTree& modules) {
  // modprobe looks in DIR/lib/modules; Debian's are where no modprobe looks.
  const std::string folder = kLabModules;
  make_directories(folder + "/lib");
  base::check_system("link the modules", ::symlink(kUmlModules, (folder + "/lib/modules").c_str()));
  // Not only the kernel calls it: iptables-legacy runs, where it is, what /proc/sys/kernel/modprobe names.
  const std::string script = folder + "/modprobe";
  base::FileDescriptor file = base::open_file(script, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  std::string refusal = serves_iptables_nft(modules) ? "" : "case \"$*\" in *nfnetlink-subsys-10*) exit 1; esac\n";
  base::write_all(file.get(), "#!/bin/sh\n" + refusal + "exec /sbin/modprobe -d " + folder + " \"$@\"\n");
  base::write_file("/proc/sys/kernel/modprobe", script);
}

base::FileDescriptor listen_at(const std::string& path) {
  base::FileDescriptor socket(base::check_system("make a socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  base::check_system("bind " + path, ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  base::check_system("listen at " + path, ::listen(socket.get(), 128));
  return socket;
}

Multiplexer::Socket connected_to(asio::io_context& context, const std::string& path) {
  // Asio's own sockets are inherited by whatever is started; a stream that a stray child holds open never ends.
  base::FileDescriptor descriptor(
      base::check_system("make a socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  Multiplexer::Socket socket(context, asio::local::stream_protocol(), descriptor.release());
  boost::system::error_code error;
  socket.connect(asio::local::stream_protocol::endpoint(path), error);
  if (error) throw base::Error("connect to " + path + ": " + error.message());
  return socket;
}

}  // namespace

LabDescriptors inherited_descriptors() {
  for (int descriptor = kBundleFd; descriptor <= kGuestLogFd; ++descriptor) {
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return {base::FileDescriptor(kBundleFd), base::FileDescriptor(kListenerFd), base::FileDescriptor(kProgressFd)};
}

class Guest::Implementation {
 public:
  explicit Implementation(asio::io_context& context) : context_(context) {
    set_environment();
    set_limits();
    std::string text = base::read_file(kBundlePath);
    descriptors_.bundle = memory_file("bundle", text);
    boost::json::object bundle = read_bundle(descriptors_.bundle.get());
    Clock::time_point start = Clock::now();
    // Before /dev is made anew: the kernel's own one has the two terminals.
    base::FileDescriptor line = open_terminal("/dev/ttyS0");
    redirect_standard_streams();
    open_line(std::move(line));
    try {
      set_up(bundle, start);
    } catch (const base::Error& error) {
      tell(error_line(error.what()));
      flush();
      throw;
    }
  }

  LabDescriptors descriptors_;

 private:
  void open_line(base::FileDescriptor line) {
    multiplexer_ = std::make_unique<Multiplexer>(
        context_, std::move(line), LineProtocol::Side::kGuest, kGuestLimits,
        [](const std::string& why) { throw base::Error("the line to the host is lost: " + why); });
    multiplexer_->when_greeted(set_clock);
    multiplexer_->serve(Multiplexer::kControl, [this] { return connected_to(context_, kSocketPath); });
    int ends[2];
    base::check_system("make a socket pair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    descriptors_.progress = base::FileDescriptor(ends[0]);
    multiplexer_->open(Multiplexer::kProgress, Multiplexer::Socket(context_, asio::local::stream_protocol(), ends[1]));
    context_.poll();
  }

  void set_up(const boost::json::object& bundle, Clock::time_point start) {
    std::string name = bundle_name(bundle);
    base::check_system("set the hostname", ::sethostname(name.data(), name.size()));
    make_mounts(bundle);
    utsname system{};
    ::uname(&system);
    ModuleTree modules(fs::path(kUmlModules) / system.release);
    if (!serves_iptables_nft(modules)) offer_iptables_that_works();
    set_loopback_up();
    set_autoload(modules);
    forbid_fallback_tunnels();
    descriptors_.listener = listen_at(kSocketPath);
    tell(progress_line("mounts", "the guest's files and devices", milliseconds_since(start)));
    load_modules(modules, bundle_needs(bundle));
  }

  void load_modules(const ModuleTree& modules, const std::vector<std::string>& needs) {
    Clock::time_point start = Clock::now();
    std::vector<fs::path> files = modules.load_order(modules_for(needs));
    for (const fs::path& file : files) load_module(file);
    tell(progress_line("modules", std::to_string(files.size()) + " kernel modules", milliseconds_since(start)));
  }

  void tell(const std::string& line) {
    base::write_all(descriptors_.progress.get(), line);
    context_.poll();
  }

  // Until the host has been told; not for ever, should it not listen.
  void flush() {
    descriptors_.progress.reset();
    context_.run_for(std::chrono::milliseconds(500));
  }

  asio::io_context& context_;
  std::unique_ptr<Multiplexer> multiplexer_;
};

Guest::Guest(asio::io_context& context) : implementation_(std::make_unique<Implementation>(context)) {}

Guest::~Guest() = default;

LabDescriptors Guest::take_descriptors() {
  return std::move(implementation_->descriptors_);
}

void power_off_guest() {
  ::sync();
  ::reboot(RB_POWER_OFF);
  ::_exit(1);
}

}  // namespace kernel
