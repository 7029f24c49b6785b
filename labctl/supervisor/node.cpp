#include "labctl/supervisor/node.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "labctl/kernel/mounts.h"
#include "lib/base/error.h"
#include "lib/netlink/network_namespace.h"

namespace supervisor {
namespace {

constexpr const char* node_init = "/run/labctl/libexec/node-init";

// What the mounts of a node are made from, in the child that becomes its first process.
struct Preparation {
  const std::string& host_name;
  const Names& names;
  const std::vector<std::pair<std::string, std::string>>& shared;
};

void create_file(const std::string& path, const std::string& contents) {
  base::FileDescriptor file = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  base::write_all(file.get(), contents);
}

// Puts a file of the node's own over one of the host's. A host without the file has nowhere to put it: then the node
// does without, as the host does.
void cover(const std::string& path, const std::string& own_name, const std::string& contents) {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0) return;
  std::string own = std::string(kernel::kLabDirectory) + "/" + own_name;
  create_file(own, contents);
  kernel::mount_at(own, path, "", MS_BIND);
}

std::string hosts_text(const std::string& host_name, const Names& names) {
  std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  bool knows_itself = false;
  for (const auto& [address, name] : names.hosts) {
    text += address + " " + name + "\n";
    knows_itself = knows_itself || name == host_name;
  }
  if (!knows_itself) text += "127.0.1.1 " + host_name + "\n";
  return text;
}

// Where something that is seen at TARGET can be seen again, after it was covered.
void make_target(const std::string& target, const base::FileDescriptor& mount) {
  struct stat status;
  base::check_system("look at " + target, ::fstat(mount.get(), &status));
  if (S_ISDIR(status.st_mode)) return kernel::make_directories(target);
  kernel::make_directories(std::filesystem::path(target).parent_path());
  create_file(target, "");
}

// An embedded kernel goes on showing what it has read of the host's files as long as anybody uses it, and does not hear
// of changes. With a view of the node's own, a program that was rebuilt is read anew when it is restarted.
void see_host_anew(const std::string& target) {
  constexpr long hostfs = 0x00c0ffee;  // HOSTFS_SUPER_MAGIC, fs/hostfs/hostfs_kern.c
  struct statfs status;
  if (::statfs(target.c_str(), &status) < 0 || status.f_type != hostfs) return;
  if (!std::filesystem::is_directory(target)) return;
  unsigned long read_only = (status.f_flags & ST_RDONLY) != 0 ? MS_RDONLY : 0;
  kernel::mount_at("none", target, "hostfs", MS_NOSUID | MS_NODEV | read_only, target);
}

// /run and /tmp of the node's own, with labctl's folder, and mounts of the lab, seen in the new ones.
void mount_run(const Preparation& preparation) {
  const std::string folder = kernel::kLabDirectory;
  std::vector<std::pair<base::FileDescriptor, std::string>> kept;
  for (const char* its : {kernel::kLabBin, kernel::kLabLibexec, kernel::kLabModules}) {
    if (std::filesystem::exists(its)) kept.emplace_back(kernel::clone_mount(AT_FDCWD, its), its);
  }
  for (const std::string& target : preparation.names.mounts) {
    if (!target.starts_with("/run/") && !target.starts_with("/tmp/")) continue;
    kept.emplace_back(kernel::clone_mount(AT_FDCWD, target), target);
  }
  std::vector<base::FileDescriptor> sources;
  for (const auto& [source, name] : preparation.shared) {
    sources.push_back(base::open_file(source, O_PATH));
  }
  kernel::mount_at("labctl", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
  kernel::mount_at("labctl", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  kernel::make_directories(folder);
  kernel::make_directories("/run/lock");
  for (const auto& [mount, target] : kept) {
    make_target(target, mount);
    kernel::attach_mount(mount, target);
  }
  for (size_t i = 0; i < sources.size(); ++i) {
    std::string target = folder + "/" + preparation.shared[i].second;
    make_target(target, sources[i]);
    kernel::mount_at(fmt::format("/proc/self/fd/{}", sources[i].get()), target, "", MS_BIND);
  }
  for (const std::string& target : preparation.names.mounts) see_host_anew(target);
}

// Runs in the new namespaces, as the node's first process.
void prepare(void* argument) {
  const auto& preparation = *static_cast<Preparation*>(argument);
  base::check_system("keep mounts to the node", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  base::check_system("set the host name", ::sethostname(preparation.host_name.c_str(), preparation.host_name.size()));
  mount_run(preparation);
  kernel::mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  kernel::mount_own_sys();
  cover("/etc/hosts", "hosts", hosts_text(preparation.host_name, preparation.names));
  cover("/etc/hostname", "hostname", preparation.host_name + "\n");
  if (!preparation.names.resolv_conf.empty()) cover("/etc/resolv.conf", "resolv.conf", preparation.names.resolv_conf);
}

// proc(5), /proc/PID/stat: the state follows the name, which is in parentheses and may have any in it.
bool is_stopped(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text;
  std::getline(file, text);
  size_t end = text.rfind(") ");
  return end != std::string::npos && text.compare(end + 2, 1, "T") == 0;
}

base::FileDescriptor open_namespace(pid_t process, const char* kind) {
  return base::open_file(fmt::format("/proc/{}/ns/{}", process, kind), O_RDONLY);
}

}  // namespace

Node::Node(Reaper& reaper, std::string name, std::string host_name, Kind kind, Names names)
    : reaper_(reaper),
      name_(std::move(name)),
      host_name_(std::move(host_name)),
      kind_(kind),
      names_(std::move(names)),
      network_(netlink::create_network_namespace()) {}

Node::~Node() {
  kill();
}

netlink::Socket& Node::socket() {
  if (!socket_) socket_ = std::make_unique<netlink::Socket>(netlink::Socket::open_in(network_));
  return *socket_;
}

void Node::share(const std::string& source, const std::string& name) {
  shared_.emplace_back(source, name);
}

// Written in place: the file is mounted over the host's.
void Node::set_hosts(const Hosts& hosts) {
  names_.hosts = hosts;
  if (init_ < 0 || !hosts_file_.valid()) return;
  base::check_system("empty the node's /etc/hosts", ::ftruncate(hosts_file_.get(), 0));
  base::check_system("rewind the node's /etc/hosts", ::lseek(hosts_file_.get(), 0, SEEK_SET));
  base::write_all(hosts_file_.get(), hosts_text(host_name_, names_));
}

void Node::start_init() {
  Preparation preparation{host_name_, names_, shared_};
  base::Program init;
  init.arguments = {node_init};
  init.namespaces = {network_.get()};
  init.new_namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID;
  init.prepare = prepare;
  init.prepare_argument = &preparation;
  init_ = base::start_program(init);
  reaper_.watch(init_, [this](int) { init_ended(); });
  mounts_ = open_namespace(init_, "mnt");
  host_names_ = open_namespace(init_, "uts");
  ipc_ = open_namespace(init_, "ipc");
  pids_ = open_namespace(init_, "pid");
  // Nothing but our own program runs there yet.
  std::string hosts = fmt::format("/proc/{}/root{}/hosts", init_, kernel::kLabDirectory);
  if (::access(hosts.c_str(), F_OK) == 0) hosts_file_ = base::open_file(hosts, O_WRONLY);
}

pid_t Node::start(base::Program program) {
  return base::in_context("node " + name_, [&] {
    if (killed_)
      throw base::Error("it has been killed").with_mend("restart it: labctl restart " + names_.lab + " " + name_);
    if (paused_) throw base::Error("it is paused").with_mend("resume it: labctl fault " + names_.lab + " heal");
    if (init_ < 0) start_init();
    program.namespaces = {network_.get(), host_names_.get(), ipc_.get(), mounts_.get()};
    program.pid_namespace = pids_.get();
    program.environment.try_emplace("PATH",
                                    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/labctl/bin");
    program.environment.try_emplace("HOME", "/root");
    if (std::filesystem::exists(kernel::kLabModules)) {  // for who types it; modprobe(8), ENVIRONMENT
      program.environment.try_emplace("MODPROBE_OPTIONS", std::string("-d ") + kernel::kLabModules);
    }
    program.environment.try_emplace("HOSTNAME", host_name_);
    program.environment.try_emplace("LABCTL_NODE", name_);
    return base::start_program(program);
  });
}

void Node::kill() {
  if (init_ > 0) {
    reaper_.forget(init_);
    ::kill(init_, SIGKILL);
  }
  init_ = -1;
  killed_ = true;
  hosts_file_.reset();
}

std::vector<pid_t> Node::processes() const {
  std::vector<pid_t> all;
  if (init_ < 0) return all;
  struct stat own, other;
  base::check_system("look at the node's process namespace", ::fstat(pids_.get(), &own));
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = static_cast<pid_t>(std::atoi(process.path().filename().c_str()));
    if (pid <= 0 || pid == init_) continue;
    if (::stat((process.path() / "ns/pid").c_str(), &other) == 0 && other.st_ino == own.st_ino) all.push_back(pid);
  }
  return all;
}

void Node::kill_processes() {
  for (pid_t pid : processes()) ::kill(pid, SIGKILL);
}

// Again until nobody is new: one that was forking meanwhile has left a child.
void Node::pause() {
  paused_ = true;
  for (bool found = true; found;) {
    found = false;
    for (pid_t pid : processes()) {
      if (stopped_.count(pid) != 0 || is_stopped(pid)) continue;
      found = true;
      stopped_.insert(pid);
      ::kill(pid, SIGSTOP);
    }
  }
}

void Node::resume() {
  paused_ = false;
  for (pid_t pid : processes()) {
    if (stopped_.count(pid) != 0) ::kill(pid, SIGCONT);
  }
  stopped_.clear();
}

// Whatever ran in the node has been killed by the kernel.
void Node::init_ended() {
  init_ = -1;
  killed_ = true;
}

}  // namespace supervisor
