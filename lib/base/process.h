// Starting programs, also inside other namespaces.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"

namespace base {

// How a program is to be started. Descriptors are borrowed; everything else that is open must be close-on-exec.
struct Program {
  std::vector<std::string> arguments;  // the first is looked up in PATH, inside the namespaces
  std::map<std::string, std::string> environment;
  std::string working_directory = "/";
  int input = -1;  // -1: /dev/null
  int output = -1;
  int error = -1;
  bool controlling_terminal = false;  // INPUT is a terminal, and the program's session is to be led by it

  // Namespaces to enter before exec, in this order: descriptors of /proc/PID/ns/….
  std::vector<int> namespaces;
  int pid_namespace = -1;  // the program is a process of it
  // Namespaces to make new, CLONE_NEW…; PREPARE runs in the child after they are made, before exec. It may allocate and
  // throw base::Error, but shares our memory: it must leave nothing locked or changed.
  int new_namespaces = 0;
  void (*prepare)(void*) = nullptr;
  void* prepare_argument = nullptr;
};

// Starts PROGRAM in a session of its own; returns when it runs. Throws base::Error with the step that failed
// ("run foo: No such file or directory"). The child shares our memory until it execs (CLONE_VM | CLONE_VFORK), as a
// copied address space costs tens of milliseconds in user-mode Linux. One thread only.
pid_t start_program(const Program& program);

// What a shell would call $?.
int exit_code_of(int wait_status);

}  // namespace base
