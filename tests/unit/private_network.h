// A test that changes kernel tables does so in a network namespace of its own; one who is not root needs a user
// namespace for that, where IPVS is reached by socket options instead of generic netlink.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "lib/base/file_descriptor.h"
#include "lib/netlink/link.h"
#include "lib/netlink/socket.h"

class PrivateNetwork : public testing::Test {
 protected:
  // Once for the program: a user namespace can be entered by a process that has not started threads, and for good.
  static void SetUpTestSuite() {
    if (entered()) return;
    if (::geteuid() == 0 ? ::unshare(CLONE_NEWNET) < 0 : !enter_user_namespace()) return;
    lock_file() = "/tmp/labctl-test-xtables-" + std::to_string(::getpid());
    ::setenv("XTABLES_LOCKFILE", lock_file().c_str(), 1);
    entered() = true;
  }
  static void TearDownTestSuite() { ::unlink(lock_file().c_str()); }

  // Each test has tables of its own.
  void SetUp() override {
    if (!entered() || ::unshare(CLONE_NEWNET) < 0) GTEST_SKIP() << "this user may not make namespaces";
    // Until loopback is up there is no local routing table, and IPVS refuses every destination.
    netlink::Socket socket;
    netlink::set_link_up(socket, "lo");
  }

 private:
  static bool enter_user_namespace() {
    std::string user = "0 " + std::to_string(::getuid()) + " 1";
    std::string group = "0 " + std::to_string(::getgid()) + " 1";
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return false;
    base::write_file("/proc/self/setgroups", "deny");
    base::write_file("/proc/self/uid_map", user);
    base::write_file("/proc/self/gid_map", group);
    return true;
  }
  static bool& entered() {
    static bool is_entered = false;
    return is_entered;
  }
  static std::string& lock_file() {
    static std::string path;
    return path;
  }
};
