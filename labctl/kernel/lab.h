// Starts a lab: its shell, and in it the supervisor, on the host's kernel or in an embedded one.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"

namespace kernel {

// Where labctl's own programs are. `find` looks beside the running program: BIN/labctl and BIN/../libexec/labctl/….
struct Installation {
  std::filesystem::path bin;
  std::filesystem::path libexec;
  static Installation find();
};

// A folder or file of the host that the lab may see, at TARGET.
struct Mount {
  std::string source;
  std::string target;
  bool writable = false;
};

// All that a lab is made from. It reaches the supervisor as the bundle, a JSON object:
//   {"name", "kernel": {"provider", "version", "reason", "needs": […], "memoryMiB"}, "topology": {"path", "text"},
//    "files": {path: text}, "mounts": [{"source", "target", "writable"}], "options": {…}}
struct LabSpec {
  std::string name;
  std::string provider;  // "host", "uml"
  std::string kernel_version;
  std::string reason;
  std::vector<std::string> needs;
  unsigned memory_mib = 1024;  // of the embedded kernel
  std::string topology_path;
  std::string topology_text;
  std::map<std::string, std::string> files;
  std::vector<Mount> mounts;
  boost::json::object options;
};
std::string bundle_of(const LabSpec& spec);

// The descriptors that the lab lives with; all but the bundle and the progress socket are the caller's to make.
struct LabFiles {
  base::FileDescriptor control;  // listening unix socket
  base::FileDescriptor lock;     // locked (F_OFD_SETLK); the lab's PID 1 keeps it, and the lab's PID is written into it
  base::FileDescriptor lab_log;  // O_APPEND
  base::FileDescriptor guest_log;  // O_APPEND
};

struct Progress {
  std::string phase;
  std::string message;
  double milliseconds = 0;  // how long the phase took; 0 where it has only begun
};

// Returns when the lab is ready; throws base::Error with what the lab said, or how it died, where it does not get
// there. Should the caller die before, or INTERRUPT (a descriptor) become readable, the lab ends. The lab outlives the
// caller from then on.
void start_lab(const LabSpec& spec, LabFiles files, const Installation& installation,
               const std::function<void(const Progress&)>& on_progress, int interrupt = -1);

}  // namespace kernel
