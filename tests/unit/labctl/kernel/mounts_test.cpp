#include "labctl/kernel/mounts.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <iostream>

#include "labctl/kernel/probe.h"
#include "labctl/kernel/user_namespace.h"
#include "lib/base/error.h"
#include "lib/base/process.h"

namespace kernel {
namespace {

namespace fs = std::filesystem;

// In mounts of its own: 0 where TEST holds.
int exit_code_in_own_mounts(const std::function<bool()>& test) {
  auto run = [&] {
    mount_at("none", "/", "", MS_REC | MS_PRIVATE);
    ::_exit(test() ? 0 : 2);
  };
  auto fail = [](const base::Error& error) { std::cerr << error.what() << std::endl; };
  pid_t child = fork_in_user_namespace(
      CLONE_NEWNS, [] {}, run, fail);
  int status = 0;
  ::waitpid(child, &status, 0);
  return base::exit_code_of(status);
}

// Some systems have the homes elsewhere, and a link at their usual place.
TEST(PrivateDirectories, HideWhereLinksLead) {
  if (!probe_user_namespaces().work) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(exit_code_in_own_mounts([] {
              mount_at("none", "/mnt", "tmpfs", 0);
              fs::create_directories("/mnt/real/secret");
              fs::create_directories("/mnt/data/eve/secret");
              fs::create_directories("/mnt/users");
              fs::create_symlink("/mnt/real", "/mnt/homes");
              fs::create_symlink("/mnt/data/eve", "/mnt/users/eve");  // not to be found once its folder is hidden
              mount_private_directories({"/mnt/homes", "/mnt/users", "/mnt/users/eve"});
              return fs::exists("/mnt/data/eve") && !fs::exists("/mnt/real/secret") &&
                     !fs::exists("/mnt/data/eve/secret");
            }),
            0);
}

TEST(PrivateDirectories, AreKnownByWhatTheyAre) {
  EXPECT_TRUE(is_hidden_in_labs("/tmp/x", "/home/eve"));
  EXPECT_TRUE(is_hidden_in_labs("/srv/eve/bin/proxy", "/srv/eve"));
  EXPECT_FALSE(is_hidden_in_labs("/home2/eve/proxy", "/home/eve")) << "a name that begins alike";
  EXPECT_FALSE(is_hidden_in_labs("/usr/bin/true", "/home/eve"));
}

}  // namespace
}  // namespace kernel
