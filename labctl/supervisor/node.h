// A node or a pod: its namespaces, and the programs that are started in them.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "labctl/supervisor/reaper.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/process.h"
#include "lib/netlink/socket.h"

namespace supervisor {

// What a node's programs see of the lab: names, and where the topology's mounts are.
using Hosts = std::vector<std::pair<std::string, std::string>>;  // address, name
struct Names {
  Hosts hosts;
  std::string resolv_conf;          // its contents; empty: as in the lab
  std::vector<std::string> mounts;  // their targets
  std::string lab;
};

// The network namespace exists from the beginning; the others, with a first process (node-init) that holds them, only
// once the node runs something: an idle node costs no process.
class Node {
 public:
  enum class Kind { node, pod };

  // REAPER must outlive it.
  Node(Reaper& reaper, std::string name, std::string host_name, Kind kind, Names names);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const std::string& name() const { return name_; }
  Kind kind() const { return kind_; }
  bool killed() const { return killed_; }
  const base::FileDescriptor& network() const { return network_; }
  // A route socket in the node's network namespace.
  netlink::Socket& socket();

  // Fills in where PROGRAM runs, and the environment that every program of the node has, and starts it.
  pid_t start(base::Program program);

  // The process that holds the node's namespaces; -1 where it runs nothing yet.
  pid_t init() const { return init_; }
  // Ends every process of the node with SIGKILL, daemons included; its network stays as it is, unused.
  void kill();
  // The same, but the node goes on: it may be given new processes.
  void kill_processes();

  // Stops every process of the node, and starts no others until it is resumed; then goes on what was stopped.
  void pause();
  void resume();
  bool paused() const { return paused_; }

  // A file or folder of the lab that is seen in the node as /run/labctl/NAME; to be set before anything runs.
  void share(const std::string& source, const std::string& name);

  // The names in /etc/hosts, seen at once by what runs already.
  void set_hosts(const Hosts& hosts);

 private:
  void start_init();
  void init_ended();
  // Those of the node's process namespace but the first.
  std::vector<pid_t> processes() const;

  Reaper& reaper_;
  std::string name_;
  std::string host_name_;
  Kind kind_;
  Names names_;
  base::FileDescriptor network_;
  std::unique_ptr<netlink::Socket> socket_;
  std::vector<std::pair<std::string, std::string>> shared_;
  pid_t init_ = -1;
  bool killed_ = false;
  bool paused_ = false;
  std::set<pid_t> stopped_;
  base::FileDescriptor mounts_, host_names_, ipc_, pids_;
  // The file in the node. Its path is the node's: whatever runs there may have put something else in its place.
  base::FileDescriptor hosts_file_;
};

}  // namespace supervisor
