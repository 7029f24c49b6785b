#include "labctl/supervisor/processes.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "labctl/supervisor/process_start.h"
#include "lib/base/error.h"
#include "lib/base/http.h"
#include "lib/base/process.h"
#include "lib/base/utf8.h"
#include "lib/netlink/network_namespace.h"

namespace supervisor {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Processes::Entry {
  Entry(boost::asio::io_context& loop, const plan::Process& from)
      : process(from), log(std::make_shared<OutputLog>()), timer(loop), ending(loop) {}

  plan::Process process;
  std::shared_ptr<OutputLog> log;
  boost::asio::steady_timer timer;
  boost::asio::steady_timer ending;  // until it is killed that was asked to end
  ProcessState state = ProcessState::waiting;
  pid_t pid = -1;
  unsigned restarts = 0;
  unsigned crashes = 0;                 // in a row, each soon after it was started
  bool asking = false;                  // an HTTP request that shows whether it is ready is under way
  std::vector<topology::File> written;  // its files, as they were written in this life of its node
  Restarted restarted;                  // set while somebody waits for it to be restarted
  std::function<void()> removed;        // set while it is ended for good
  std::optional<int> exit_code;
  Clock::time_point started;
  std::optional<Clock::time_point> not_ready_since;  // over all attempts; set while it is to become ready
  milliseconds back_off{100};

  bool is_to_end() const { return restarted || removed; }
};

namespace {

constexpr milliseconds poll_interval{10};
constexpr milliseconds longest_back_off{10000};
constexpr milliseconds long_enough{3000};

// The state column of /proc/net/tcp; include/net/tcp_states.h: TCP_LISTEN is 10.
bool listens(const std::string& path, std::uint16_t port) {
  std::ifstream table(path);
  std::string line;
  std::string wanted = fmt::format(":{:04X}", port);
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state;
    words >> number >> local >> remote >> state;
    if (state == "0A" && local.size() > 5 && local.compare(local.size() - 5, 5, wanted) == 0) return true;
  }
  return false;
}

}  // namespace

bool is_listening(pid_t process, std::uint16_t port) {
  std::string folder = fmt::format("/proc/{}/net/", process);
  return listens(folder + "tcp", port) || listens(folder + "tcp6", port);
}

std::string to_string(ProcessState state) {
  switch (state) {
    case ProcessState::waiting:
      return "waiting";
    case ProcessState::starting:
      return "starting";
    case ProcessState::ready:
      return "ready";
    case ProcessState::exited:
      return "exited";
    case ProcessState::failed:
      return "failed";
    case ProcessState::stopped:
      return "stopped";
  }
  return "";
}

Processes::Processes(boost::asio::io_context& loop, Reaper& reaper, Events& events, Nodes& nodes)
    : loop_(loop), reaper_(reaper), events_(events), nodes_(nodes) {}

Processes::~Processes() = default;

void Processes::add(const plan::Process& process) {
  auto entry = std::make_unique<Entry>(loop_, process);
  order_.push_back(entry.get());
  entries_[process.full_name()] = std::move(entry);
}

Processes::Entry& Processes::find(const std::string& full_name) {
  auto found = entries_.find(full_name);
  if (found == entries_.end()) throw base::Error("no process " + full_name + " in this lab");
  return *found->second;
}

void Processes::start(std::function<void()> all_ready, std::function<void(const std::string&)> failed) {
  std::set<std::string> all;
  for (const auto& [name, entry] : entries_) all.insert(name);
  wait_for(std::move(all), std::move(all_ready), std::move(failed));
}

void Processes::wait_for(std::set<std::string> names, std::function<void()> ready,
                         std::function<void(const std::string&)> failed) {
  awaited_ = std::move(names);
  all_ready_ = std::move(ready);
  failed_ = std::move(failed);
  start_possible();
}

// One that is about to be ended is ready no longer.
bool Processes::is_ready(const std::string& full_name) const {
  auto found = entries_.find(full_name);
  return found != entries_.end() && found->second->state == ProcessState::ready && !found->second->restarted;
}

void Processes::start_possible() {
  auto ready = [&](const std::string& name) { return is_ready(name); };
  for (Entry* entry : order_) {
    if (entry->state != ProcessState::waiting) continue;
    const auto& after = entry->process.after;
    if (std::all_of(after.begin(), after.end(), ready)) launch(*entry);
  }
  if (failed_) fail_blocked();
  // What was ready, and has ended since or was killed with its node, is waited for no longer.
  auto settled = [&](const std::string& name) {
    const Entry& entry = find(name);
    bool over = entry.state == ProcessState::exited || entry.state == ProcessState::stopped;
    return is_ready(name) || (over && !entry.restarted);
  };
  if (!all_ready_ || !std::all_of(awaited_.begin(), awaited_.end(), settled)) return;
  // From here on the lab lives, whatever becomes of one process.
  failed_ = nullptr;
  std::exchange(all_ready_, nullptr)();
}

// Why NAME does not become ready, whoever waits for it; empty where it may.
std::string Processes::why_never_ready(const std::string& name) const {
  auto found = entries_.find(name);
  if (found == entries_.end()) return name + ", which is stopped";
  const Entry& entry = *found->second;
  switch (entry.state) {
    case ProcessState::exited:
    case ProcessState::failed:
    case ProcessState::stopped:
      return name + ", which is " + to_string(entry.state);
    case ProcessState::starting:
      // One that is awaited itself says so itself.
      return entry.crashes > 0 && is_late(entry) && !awaited_.contains(name) ? name + ", which does not stay up" : "";
    case ProcessState::waiting:
      for (const std::string& before : entry.process.after) {
        std::string why = why_never_ready(before);
        if (!why.empty()) return name + ", which waits for " + why;
      }
      return "";
    case ProcessState::ready:
      return "";
  }
  return "";
}

// What has failed already, and what waits for one that will not be ready.
void Processes::fail_blocked() {
  for (const std::string& name : awaited_) {
    Entry& entry = find(name);
    if (entry.state == ProcessState::failed) return fail(entry, name + " has failed");
    if (entry.state != ProcessState::waiting) continue;
    for (const std::string& before : entry.process.after) {
      std::string why = why_never_ready(before);
      if (!why.empty()) return fail(entry, fmt::format("{} waits for {}", name, why));
    }
  }
}

void Processes::launch(Entry& entry) {
  if (entry.pid > 0) return;
  base::Pipe output = base::make_pipe();
  entry.exit_code.reset();
  entry.started = Clock::now();
  if (!entry.not_ready_since) entry.not_ready_since = entry.started;
  try {
    entry.pid = start_process(*nodes_.at(entry.process.node), entry.process, entry.written, output.write_end);
    entry.written = entry.process.files;
  } catch (const base::Error& error) {
    if (entry.restarted) std::exchange(entry.restarted, nullptr)(error.what());
    return fail(entry, error.what());
  }
  if (entry.restarted) std::exchange(entry.restarted, nullptr)("");
  output.write_end.reset();
  entry.state = ProcessState::starting;
  entry.log->read_from(loop_, std::move(output.read_end));
  reaper_.watch(entry.pid, [this, &entry, pid = entry.pid](int status) {
    // The end of one that was killed with its node may be seen after the next one was started.
    entry.pid == pid ? exited(entry, status) : tell_exit(entry, base::exit_code_of(status));
  });
  events_.add(entry.process.node, "started", fmt::format("{} (PID {})", entry.process.name, entry.pid));
  check_ready(entry);
}

void Processes::check_ready(Entry& entry) {
  const auto& condition = entry.process.ready.condition;
  bool unconditional = std::holds_alternative<std::monostate>(condition);
  if (unconditional && entry.crashes == 0) return become_ready(entry);
  if (const auto* log = std::get_if<topology::Ready::Log>(&condition)) {
    auto pattern = std::make_shared<RE2>(log->pattern, RE2::Quiet);
    entry.log->on_line([this, &entry, pattern](const std::string& line) {
      if (entry.state == ProcessState::starting && RE2::PartialMatch(line, *pattern)) become_ready(entry);
    });
  }
  poll_ready(entry);
}

// A condition of the kernel has no event to wait for; looking costs microseconds.
void Processes::poll_ready(Entry& entry) {
  if (entry.state != ProcessState::starting || entry.is_to_end()) return;
  const auto& condition = entry.process.ready.condition;
  bool met = false;
  if (const auto* tcp = std::get_if<topology::Ready::Tcp>(&condition)) met = is_listening(entry.pid, tcp->port);
  if (const auto* file = std::get_if<topology::Ready::File>(&condition)) {
    met = ::access(fmt::format("/proc/{}/root{}", entry.pid, file->path).c_str(), F_OK) == 0;
  }
  if (const auto* http = std::get_if<topology::Ready::Http>(&condition); http != nullptr && !entry.asking) {
    ask_http(entry, *http);
  }
  // One that has ended by itself is believed once it has stayed up for a while.
  if (std::holds_alternative<std::monostate>(condition)) met = Clock::now() - entry.started > long_enough;
  if (met) return become_ready(entry);
  if (is_late(entry)) return fail_late(entry);
  entry.timer.expires_after(poll_interval);
  entry.timer.async_wait([this, &entry](boost::system::error_code failure) {
    if (!failure) poll_ready(entry);
  });
}

bool Processes::is_late(const Entry& entry) {
  return entry.not_ready_since && Clock::now() - *entry.not_ready_since > entry.process.ready.within;
}

void Processes::fail_late(Entry& entry) {
  std::string why = fmt::format("{} was not ready within {} s", entry.process.full_name(),
                                static_cast<double>(entry.process.ready.within.count()) / 1000);
  if (entry.restarts > 0) why += fmt::format(", in {} attempts", entry.restarts + 1);
  fail(entry, why);
}

// One request at a time, from inside the node: the client makes its socket in the call.
void Processes::ask_http(Entry& entry, const topology::Ready::Http& condition) {
  base::http::ClientOptions options;
  options.connect_timeout = options.request_timeout = milliseconds(1000);
  base::http::Client client(loop_, base::http::Endpoint::tcp("127.0.0.1", condition.port), options);
  base::http::Request request;
  request.target = condition.path;
  entry.asking = true;
  netlink::in_namespace(nodes_.at(entry.process.node)->network(), [&] {
    client.request(request, [this, &entry](const base::http::Outcome& outcome) {
      entry.asking = false;
      bool good = outcome.ok() && outcome.response->status >= 200 && outcome.response->status < 400;
      if (good && entry.state == ProcessState::starting) become_ready(entry);
    });
  });
}

void Processes::become_ready(Entry& entry) {
  if (entry.is_to_end()) return;
  entry.state = ProcessState::ready;
  entry.not_ready_since.reset();
  entry.timer.cancel();
  events_.add(entry.process.node, "ready", entry.process.name);
  start_possible();
}

void Processes::tell_exit(const Entry& entry, int exit_code) {
  events_.add(entry.process.node, "exited", fmt::format("{} (exit code {})", entry.process.name, exit_code));
}

void Processes::exited(Entry& entry, int wait_status) {
  pid_t group = std::exchange(entry.pid, -1);
  entry.exit_code = base::exit_code_of(wait_status);
  entry.timer.cancel();
  entry.ending.cancel();
  tell_exit(entry, *entry.exit_code);
  if (entry.removed) {
    ::kill(-group, SIGKILL);
    return forget(entry.process.full_name());
  }
  bool once = std::holds_alternative<topology::Ready::Exit>(entry.process.ready.condition);
  if (once && *entry.exit_code == 0 && !entry.restarted) return become_ready(entry);
  bool again = entry.restarted || entry.process.restart == topology::Restart::always ||
               (entry.process.restart == topology::Restart::on_failure && *entry.exit_code != 0);
  if (again) {
    // What it left behind would keep what the next one needs: a port, a file's lock.
    ::kill(-group, SIGKILL);
    return restart_later(entry);
  }
  bool was_ready = entry.state == ProcessState::ready;
  entry.state = ProcessState::exited;
  if (!was_ready)
    fail(entry,
         fmt::format("{} ended with exit code {} before it was ready", entry.process.full_name(), *entry.exit_code));
}

void Processes::restart_later(Entry& entry) {
  // What ran for long starts again at once; what does not stay up is given ever more time.
  bool lived = Clock::now() - entry.started > std::chrono::seconds(10);
  entry.crashes = entry.restarted || lived ? 0 : entry.crashes + 1;
  milliseconds delay = entry.restarted || lived ? milliseconds(0) : entry.back_off;
  entry.back_off = lived ? milliseconds(100) : std::min(entry.back_off * 2, longest_back_off);
  // Once the lab is ready, an agent is given all the time it needs.
  if (failed_ && awaited_.contains(entry.process.full_name()) && is_late(entry)) return fail_late(entry);
  ++entry.restarts;
  entry.state = ProcessState::starting;
  entry.timer.expires_after(delay);
  entry.timer.async_wait([this, &entry](boost::system::error_code failure) {
    if (!failure) launch(entry);
  });
  if (failed_) fail_blocked();
}

void Processes::fail(Entry& entry, const std::string& why) {
  entry.state = ProcessState::failed;
  events_.add(entry.process.node, "failed", why);
  if (!failed_) return;
  if (!awaited_.contains(entry.process.full_name())) return fail_blocked();
  std::string tail = entry.log->text();
  if (tail.size() > 2000) tail = tail.substr(tail.size() - 2000);
  tail = base::valid_utf8(tail);
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  all_ready_ = nullptr;
  std::exchange(failed_, nullptr)(tail.empty() ? why : why + "; it said:\n" + tail);
}

void Processes::restart(const std::string& full_name, Restarted done) {
  Entry& entry = find(full_name);
  if (entry.restarted) throw base::Error(full_name + " is being restarted already");
  entry.restarted = std::move(done);
  entry.back_off = milliseconds(100);
  entry.not_ready_since.reset();
  entry.crashes = 0;
  if (entry.pid < 0) {
    entry.timer.cancel();
    ++entry.restarts;
    return launch(entry);
  }
  terminate(entry);
}

// Asked, and given a moment; then told.
void Processes::terminate(Entry& entry) {
  entry.timer.cancel();
  ::kill(entry.pid, SIGTERM);
  entry.ending.expires_after(milliseconds(3000));
  entry.ending.async_wait([&entry](boost::system::error_code failure) {
    if (!failure && entry.pid > 0) ::kill(-entry.pid, SIGKILL);
  });
}

void Processes::put(const plan::Process& process) {
  if (!has(process.full_name())) {
    add(process);
    return start_possible();
  }
  Entry& entry = find(process.full_name());
  entry.process = process;
  // What was killed with its node is started with it.
  if (entry.state == ProcessState::stopped || entry.state == ProcessState::waiting) return;
  restart(process.full_name(), [](const std::string&) {});
}

void Processes::set(const plan::Process& process) {
  if (has(process.full_name())) {
    find(process.full_name()).process = process;
    return;
  }
  add(process);
  find(process.full_name()).state = ProcessState::stopped;
}

void Processes::remove(const std::string& full_name, std::function<void()> removed) {
  if (!has(full_name)) return removed();
  Entry& entry = find(full_name);
  entry.removed = std::move(removed);
  entry.timer.cancel();
  if (entry.pid < 0) return forget(full_name);
  terminate(entry);
}

void Processes::forget(const std::string& full_name) {
  auto found = entries_.find(full_name);
  std::erase(order_, found->second.get());
  std::function<void()> removed = std::move(found->second->removed);
  removed_.push_back(std::move(found->second));
  entries_.erase(found);
  removed();
}

void Processes::signal(const std::string& full_name, int signal) {
  Entry& entry = find(full_name);
  if (entry.pid < 0) throw base::Error(full_name + " does not run");
  // Nothing of it can clean up after SIGKILL: its workers go along.
  ::kill(signal == SIGKILL ? -entry.pid : entry.pid, signal);
}

pid_t Processes::pid_of(const std::string& full_name) const {
  auto found = entries_.find(full_name);
  return found == entries_.end() ? -1 : found->second->pid;
}

void Processes::node_killed(const std::string& node) {
  for (Entry* entry : order_) {
    if (entry->process.node != node) continue;
    entry->timer.cancel();
    entry->ending.cancel();
    entry->state = ProcessState::stopped;
    entry->pid = -1;
    entry->not_ready_since.reset();
    if (entry->restarted) std::exchange(entry->restarted, nullptr)("node " + node + " was killed");
  }
}

// Also what ends once it has done its work: that work is gone with what the node had in memory.
void Processes::start_node(const std::string& node) {
  for (Entry* entry : order_) {
    if (entry->process.node != node || entry->pid > 0) continue;
    entry->timer.cancel();
    entry->state = ProcessState::waiting;
    entry->crashes = 0;
    entry->written.clear();
  }
  start_possible();
}

std::shared_ptr<OutputLog> Processes::log(const std::string& full_name) const {
  auto found = entries_.find(full_name);
  return found == entries_.end() ? nullptr : found->second->log;
}

boost::json::array Processes::to_json(const std::string& node) const {
  boost::json::array all;
  for (const Entry* entry : order_) {
    if (!node.empty() && entry->process.node != node) continue;
    boost::json::object it{
        {"name", entry->process.full_name()},
        {"node", entry->process.node},
        {"command", boost::json::array(entry->process.arguments.begin(), entry->process.arguments.end())},
        {"state", to_string(entry->state)},
        {"restarts", entry->restarts}};
    if (entry->pid > 0) it["pid"] = entry->pid;
    if (entry->exit_code) it["exit"] = *entry->exit_code;
    all.push_back(std::move(it));
  }
  return all;
}

}  // namespace supervisor
