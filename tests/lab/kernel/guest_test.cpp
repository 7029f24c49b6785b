// An embedded kernel comes up with what the lab needs, and its end is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "tests/lab/kernel/test_lab.h"

namespace {

using test_lab::TestLab;
using testing::HasSubstr;

class GuestTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string why = test_lab::obstacle("uml"); !why.empty()) GTEST_SKIP() << why;
    lab.spec.provider = "uml";
  }

  // The user-mode Linux that the keeper has started: its first child.
  pid_t machine() const {
    std::string keeper = std::to_string(lab.pid());
    std::ifstream children("/proc/" + keeper + "/task/" + keeper + "/children");
    pid_t pid = 0;
    children >> pid;
    return pid;
  }

  TestLab lab;
};

TEST_F(GuestTest, ModulesOfTheNeedsAreLoadedAndNoOthers) {
  lab.spec.needs = {"vxlan", "ipvs-netlink"};
  lab.start();
  std::string modules = lab.run("cut -d' ' -f1 /proc/modules");
  EXPECT_THAT(modules, HasSubstr("vxlan\n"));
  EXPECT_THAT(modules, HasSubstr("ip_vs_wlc\n"));
  EXPECT_THAT(modules, testing::Not(HasSubstr("sch_netem\n")));
}

TEST_F(GuestTest, ANeedThatNoModuleServesIsNamed) {
  lab.spec.needs = {"wireguard"};
  try {
    lab.start();
    FAIL() << "it started";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("module wireguard: not found"));
  }
  EXPECT_TRUE(lab.has_ended());
}

TEST_F(GuestTest, WhatNoNeedImpliedIsLoadedWhenItIsUsed) {
  lab.start();
  EXPECT_EQ(lab.run("ip link add d0 type dummy && ls /sys/class/net | sort | tr '\\n' ' '"), "d0 lo ");
}

TEST_F(GuestTest, TunnelsPutNoDevicesOfTheirOwnIntoNamespaces) {
  lab.spec.needs = {"ipip", "gre"};
  lab.start();
  EXPECT_EQ(lab.run("ls /sys/class/net; unshare -n sh -c 'grep : /proc/net/dev | cut -d: -f1'"), "lo\n    lo\n");
}

TEST_F(GuestTest, ItsClockIsTheHosts) {
  lab.start();
  double guest = std::stod(lab.run("date +%s.%N"));
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  double host = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  EXPECT_NEAR(guest, host, 0.5);
}

TEST_F(GuestTest, APanicEndsEveryCallAndIsLogged) {
  lab.start();
  base::FileDescriptor call = lab.connect("sleep 1000");
  lab.run("echo c > /proc/sysrq-trigger");
  EXPECT_EQ(base::read_all(call.get()), "");
  EXPECT_TRUE(lab.has_ended());
  EXPECT_THAT(lab.lab_log(), HasSubstr("the embedded kernel ended (signal 6): Kernel panic - not syncing: sysrq"));
  EXPECT_THAT(lab.guest_log(), HasSubstr("Call Trace"));
}

TEST_F(GuestTest, AKilledKernelEndsTheLab) {
  lab.start();
  std::string pid_namespace = test_lab::pid_namespace_of(lab.pid());
  ASSERT_GT(machine(), 0);
  ::kill(machine(), SIGKILL);
  EXPECT_TRUE(lab.has_ended());
  EXPECT_TRUE(test_lab::is_deserted(pid_namespace));
  EXPECT_THAT(lab.lab_log(), HasSubstr("the embedded kernel ended (signal 9)"));
}

TEST_F(GuestTest, PoweredOffItEndsInOrder) {
  lab.start();
  lab.run("power off");
  EXPECT_TRUE(lab.has_ended());
  EXPECT_EQ(lab.lab_log(), "");
}

TEST_F(GuestTest, WhenItsStarterDiesBeforeItIsReadyNothingIsLeft) {
  pid_t starter = ::fork();
  if (starter == 0) {
    lab.start();
    ::_exit(0);
  }
  // In the middle of the boot: the console has begun to speak, and the guest's init has not.
  while (lab.pid() == 0) ::usleep(1000);
  std::string pid_namespace = test_lab::pid_namespace_of(lab.pid());
  while (lab.guest_log().empty()) ::usleep(1000);
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  EXPECT_TRUE(lab.has_ended());
  EXPECT_TRUE(test_lab::is_deserted(pid_namespace));
  EXPECT_THAT(lab.lab_log(), HasSubstr("whoever started the lab is gone"));
}

}  // namespace
