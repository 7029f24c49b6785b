// A real daemon whose configuration stands in the topology as text: what it is called, where it comes from, and what
// the text is turned into. One file a daemon; kinds.cpp lists them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "labctl/topology/topology.h"

namespace topology {

// How it is started. FOLDER is a folder of the node's own, /run/WORKLOAD: the configuration is written there, the
// daemon works there, and what it keeps there is its own as long as the node lives.
struct DaemonStart {
  std::string file_name;  // of the configuration, in the folder
  std::string text;       // of the configuration
  std::vector<std::string> arguments;
  Ready ready;
};

// A program of the host, and the Debian package that has it.
struct HostProgram {
  std::string name;
  std::string package;
};

struct DaemonKind {
  std::string name;  // its key in a workload
  std::string doc;
  std::string example;  // a YAML value
  std::vector<HostProgram> programs;
  std::function<DaemonStart(const std::string& configuration, const std::string& folder)> start;
  // What the configuration asks of the kernel; may be empty.
  std::function<std::vector<std::string>(const std::string& configuration)> needs{};
};

const std::vector<DaemonKind>& daemon_kinds();

DaemonKind keepalived_kind();
DaemonKind nginx_kind();
DaemonKind etcd_kind();
DaemonKind mariadb_kind();

}  // namespace topology
