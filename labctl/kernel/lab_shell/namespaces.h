// The two user namespaces of a lab's shell.
#pragma once

#include <functional>
#include <string>

namespace lab_shell {

// Runs PID_1 as the first process of a new pid namespace, in new user and mount namespaces in which it is root; returns in
// the caller once it has been started. BEFORE runs in those namespaces while the caller's own rights on files still hold
// (root of the host becomes nobody after that). STARTED is told its pid as the host sees it.
void start_in_outer_namespaces(const std::function<void()>& before, const std::function<void(int pid)>& started,
                               const std::function<void()>& pid_1);

// Moves the caller, and what it starts, into further user, mount, network, UTS, IPC and cgroup namespaces: what has been
// mounted so far is locked from here on, for the kernel forbids a lesser user namespace to undo it.
void enter_inner_namespaces(const std::string& hostname);

}  // namespace lab_shell
