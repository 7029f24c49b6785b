// The shell of a lab is its boundary, whichever kernel the lab runs on.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "tests/lab/kernel/test_lab.h"

namespace {

namespace fs = std::filesystem;
using test_lab::TestLab;
using testing::HasSubstr;
using testing::Not;

class ShellTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (std::string why = test_lab::obstacle(GetParam()); !why.empty()) GTEST_SKIP() << why;
    lab.spec.provider = GetParam();
  }

  fs::path make_host_file(const fs::path& path, const std::string& text) {
    base::FileDescriptor file = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    base::write_all(file.get(), text);
    return path;
  }

  TestLab lab;
};

// A file that belongs to whoever runs the test: what forbids to write it is the shell alone.
TEST_P(ShellTest, RootOfALabCannotWriteAHostFile) {
  fs::create_directories(lab.folder() / "shown");
  fs::path file = make_host_file(lab.folder() / "shown" / "file", "untouched");
  lab.spec.mounts.push_back({lab.folder() / "shown", "/run/shown", false});
  lab.start();
  std::string said = lab.run(
      "cat /run/shown/file; echo;"
      "echo changed > /run/shown/file; mount -o remount,rw /run/shown; echo changed > /run/shown/file;"
      "mount -o remount,rw,bind /run/shown; mount -o remount,rw /; echo changed > /run/shown/file;"
      "rm -f /run/shown/file; touch /run/shown/new /etc/labctl-was-here /usr/labctl-was-here; echo done");
  EXPECT_THAT(said, HasSubstr("untouched"));
  EXPECT_THAT(said, HasSubstr("done"));
  EXPECT_EQ(base::read_file(file), "untouched");
  EXPECT_FALSE(fs::exists(lab.folder() / "shown" / "new"));
  EXPECT_FALSE(fs::exists("/etc/labctl-was-here"));
  EXPECT_FALSE(fs::exists("/usr/labctl-was-here"));
}

TEST_P(ShellTest, RootOfALabCannotReadAMaskedFile) {
  fs::path home = ::getpwuid(::getuid())->pw_dir;
  fs::path file = home / (".labctl-test-" + std::to_string(::getpid()));
  make_host_file(file, "a secret");
  lab.start();
  std::string said = lab.run("cat " + file.string() + "; umount -l " + home.string() +
                             "; umount /home; umount /root;"
                             "cat " +
                             file.string() +
                             "; mount -t tmpfs x /mnt && mount --bind / /mnt;"
                             "cat /mnt" +
                             file.string() + "; ls -A /home /root; echo done");
  fs::remove(file);
  EXPECT_THAT(said, Not(HasSubstr("a secret")));
  EXPECT_THAT(said, HasSubstr("done"));
}

TEST_P(ShellTest, HostsSettingsAreNotTheLabsToChange) {
  std::string before = base::read_file("/proc/sys/kernel/core_pattern");
  lab.start();
  lab.run("echo '|/tmp/evil' > /proc/sys/kernel/core_pattern");
  EXPECT_EQ(base::read_file("/proc/sys/kernel/core_pattern"), before);
}

TEST_P(ShellTest, ALabHasNoNetworkOfTheHost) {
  lab.start();
  std::string links = lab.run("ls /sys/class/net");
  EXPECT_EQ(links, "lo\n");
}

TEST_P(ShellTest, ALabSeesNoProcessOfTheHost) {
  lab.start();
  EXPECT_THAT(lab.run("cat /proc/1/cmdline"), HasSubstr("supervisor"));
  EXPECT_THAT(lab.run("kill -0 " + std::to_string(::getpid())), HasSubstr("No such process"));
}

TEST_P(ShellTest, ProgramsMayChangeUserAndOwner) {
  lab.start();
  EXPECT_THAT(lab.run("touch /tmp/x && chown 33:33 /tmp/x && echo yes"), HasSubstr("yes"));
}

TEST_P(ShellTest, WhatPackagesWriteIsThereAndEmpty) {
  lab.start();
  EXPECT_THAT(lab.run("for d in /tmp /run /var/log /var/tmp /dev/shm /home /root; do echo x > $d/x || echo no; done;"
                      "echo done"),
              testing::Eq("done\n"));
}

TEST_P(ShellTest, AWritableMountIsWritten) {
  // Root of the host is nobody in a lab.
  fs::path shared = lab.folder() / "shared";
  fs::create_directories(shared);
  fs::permissions(shared, fs::perms::all);
  lab.spec.mounts.push_back({shared, "/home/me/shared", true});
  lab.start();
  EXPECT_EQ(lab.run("echo hello > /home/me/shared/file"), "");
  EXPECT_EQ(base::read_file(shared / "file"), "hello\n");
}

TEST_P(ShellTest, AMissingMountIsNamed) {
  lab.spec.mounts.push_back({"/nowhere/at/all", "/home/x", false});
  try {
    lab.start();
    FAIL() << "it started";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("mount /nowhere/at/all: open /nowhere/at/all: No such file or directory"));
  }
  EXPECT_TRUE(lab.has_ended());
}

TEST_P(ShellTest, WhenItsFirstProcessIsKilledNothingOfALabIsLeft) {
  lab.start();
  lab.run("setsid sleep 1000 > /dev/null 2>&1 & unshare -n sleep 1000 > /dev/null 2>&1 & echo");
  std::string pid_namespace = test_lab::pid_namespace_of(lab.pid());
  ASSERT_NE(pid_namespace, "");
  ASSERT_NE(pid_namespace, test_lab::pid_namespace_of(::getpid()));
  ::kill(lab.pid(), SIGKILL);
  EXPECT_TRUE(test_lab::is_deserted(pid_namespace));
  EXPECT_TRUE(lab.has_ended());
}

TEST_P(ShellTest, AnOpenCallEndsWithTheLab) {
  lab.start();
  base::FileDescriptor call = lab.connect("echo here; sleep 1000");
  char buffer[5];
  ASSERT_EQ(::read(call.get(), buffer, sizeof buffer), 5);
  ::kill(lab.pid(), SIGKILL);
  EXPECT_LE(::read(call.get(), buffer, sizeof buffer), 0);
}

INSTANTIATE_TEST_SUITE_P(Kernels, ShellTest, testing::Values("host", "uml"),
                         [](const testing::TestParamInfo<std::string>& parameter) { return parameter.param; });

}  // namespace
