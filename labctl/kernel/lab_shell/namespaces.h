// The inner namespaces of a lab's shell.
#pragma once

#include <string>

namespace lab_shell {

// Moves the caller, and what it starts, into further user, mount, network, UTS, IPC and cgroup namespaces: what has
// been mounted so far is locked from here on, for the kernel forbids a lesser user namespace to undo it.
void enter_inner_namespaces(const std::string& hostname);

}  // namespace lab_shell
