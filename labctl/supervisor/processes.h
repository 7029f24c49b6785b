// The processes that the lab keeps: agents and workloads. Started in the order of what they wait for, watched,
// restarted, their output kept.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "labctl/plan/plan.h"
#include "labctl/supervisor/apply.h"
#include "labctl/supervisor/events.h"
#include "labctl/supervisor/output_log.h"
#include "labctl/supervisor/reaper.h"

namespace supervisor {

enum class ProcessState { waiting, starting, ready, exited, failed, stopped };
std::string to_string(ProcessState state);

class Processes {
 public:
  Processes(boost::asio::io_context& loop, Reaper& reaper, Events& events, Nodes& nodes);
  ~Processes();

  void add(const plan::Process& process);
  // Starts what waits for nothing, then what waits for that, …. ALL_READY is called once when every process is ready;
  // FAILED once when one can no longer become so.
  void start(std::function<void()> all_ready, std::function<void(const std::string& why)> failed);

  // Of a lab that runs already. READY is called once when all of NAMES are; FAILED once where one can no longer become
  // so.
  void wait_for(std::set<std::string> names, std::function<void()> ready,
                std::function<void(const std::string& why)> failed);
  // A new one, started once what it waits for is ready; or another form of one that is known, which is restarted so.
  void put(const plan::Process& process);
  // The same for one whose node stands anew: start_node() starts it.
  void set(const plan::Process& process);
  // Ends it as restart() does, and forgets it. No error where there is none.
  void remove(const std::string& full_name, std::function<void()> removed);

  bool has(const std::string& full_name) const { return entries_.count(full_name) != 0; }
  // Ends it and starts it again. DONE is called when the new one runs, or with why it does not. Throws base::Error
  // where there is none.
  using Restarted = std::function<void(const std::string& failure)>;
  void restart(const std::string& full_name, Restarted done);
  // SIGKILL goes to its whole process group.
  void signal(const std::string& full_name, int signal);
  // -1 where it does not run.
  pid_t pid_of(const std::string& full_name) const;
  // A node was killed: its processes are not restarted. It was built anew: they are started.
  void node_killed(const std::string& node);
  void start_node(const std::string& node);
  std::shared_ptr<OutputLog> log(const std::string& full_name) const;
  boost::json::array to_json(const std::string& node = {}) const;

 private:
  struct Entry;
  Entry& find(const std::string& full_name);
  bool is_ready(const std::string& full_name) const;
  std::string why_never_ready(const std::string& name) const;
  void fail_blocked();
  void terminate(Entry& entry);
  void forget(const std::string& full_name);
  void start_possible();
  void launch(Entry& entry);
  void check_ready(Entry& entry);
  void poll_ready(Entry& entry);
  void ask_http(Entry& entry, const topology::Ready::Http& condition);
  void become_ready(Entry& entry);
  void exited(Entry& entry, int wait_status);
  void tell_exit(const Entry& entry, int exit_code);
  static bool is_late(const Entry& entry);
  void fail_late(Entry& entry);
  void restart_later(Entry& entry);
  void fail(Entry& entry, const std::string& why);

  boost::asio::io_context& loop_;
  Reaper& reaper_;
  Events& events_;
  Nodes& nodes_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::vector<Entry*> order_;
  // Calls that are under way may still look at them.
  std::vector<std::unique_ptr<Entry>> removed_;
  std::set<std::string> awaited_;
  std::function<void()> all_ready_;
  std::function<void(const std::string&)> failed_;
};

// Whether a process of the network namespace of PROCESS (any process in it) listens on TCP PORT. Read from /proc, so
// that no connection disturbs who listens.
bool is_listening(pid_t process, std::uint16_t port);

}  // namespace supervisor
