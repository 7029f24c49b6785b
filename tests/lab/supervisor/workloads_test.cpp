// What a lab promises of a workload's files, limits and user.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::RunningLab;
using testing::HasSubstr;

class WorkloadsTest : public running_lab::EachKernel {};
INSTANTIATE_TEST_SUITE_P(Kernels, WorkloadsTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

constexpr const char* kFiles = R"(
version: 1
name: files
nodes:
  alice:
    workloads:
      app:
        run: [sleep, "1000"]
        files:
          /etc/app.conf: "in etc"
          /etc/ssl/deeper/app.conf: "in a folder"
          /etc/hostname: "covered"
          /usr/local/bin/greet: { text: "#!/bin/sh\necho hello\n", mode: 0755 }
          /run/app/app.conf: "in run"
          /tmp/app.conf: "in tmp"
          /var/lib/app/app.conf: "in var"
  bob: { workloads: { app: { run: [sleep, "1000"] } } }
)";

TEST_P(WorkloadsTest, FilesAreTheNodesOwn) {
  RunningLab lab(kFiles, kernel());
  EXPECT_EQ(lab.run("alice",
                    "cat /etc/app.conf /etc/ssl/deeper/app.conf /etc/hostname /run/app/app.conf "
                    "/tmp/app.conf /var/lib/app/app.conf"),
            "in etcin a foldercoveredin runin tmpin var");
  EXPECT_EQ(lab.run("alice", "stat -c %a:%u /etc/app.conf /usr/local/bin/greet"), "644:0\n755:0\n");
  EXPECT_EQ(lab.run("alice", "greet"), "hello\n");
  EXPECT_EQ(lab.run("bob", "cat /etc/hostname"), "bob\n");
  EXPECT_THAT(lab.run("bob", "cat /etc/app.conf"), HasSubstr("No such file"));
}

TEST_P(WorkloadsTest, WhatStoodBesideAFileIsSeenAndCanBeReplaced) {
  RunningLab lab(kFiles, kernel());
  const std::string look = "ls /etc | grep -v app.conf; cat /etc/passwd; ls /etc/ssl/certs /usr/bin";
  EXPECT_EQ(lab.run("alice", look), lab.run("bob", look));
  EXPECT_EQ(lab.run("alice", "cat /etc/hosts"), lab.run("bob", "sed 's/127.0.1.1 bob/127.0.1.1 alice/' /etc/hosts"));
  EXPECT_EQ(lab.run("alice", "sed -i s/^root:/toor:/ /etc/passwd && head -c 5 /etc/passwd"), "toor:");
  EXPECT_EQ(lab.run("alice", "rm -r /etc/ssl && mkdir /etc/ssl && ls /etc/ssl"), "");
  EXPECT_EQ(lab.run("bob", "head -c 5 /etc/passwd"), "root:");
  EXPECT_THAT(lab.run("bob", "touch /etc/mine"), HasSubstr("Read-only file system"));
}

TEST_P(WorkloadsTest, AChangedFileStaysUntilItsNodeIsRestarted) {
  RunningLab lab(kFiles, kernel());
  lab.run("alice", "echo changed >/etc/app.conf");
  lab.control().restart_process("app@alice");
  EXPECT_EQ(lab.run("alice", "cat /etc/app.conf"), "changed\n");
  lab.control().restart_node("alice");
  EXPECT_EQ(lab.run("alice", "until [ -e /etc/app.conf ]; do sleep 0.01; done; cat /etc/app.conf"), "in etc");
}

TEST_P(WorkloadsTest, LimitsAreThoseThatWereAsked) {
  RunningLab lab(R"(
version: 1
name: limits
nodes:
  alice:
    workloads:
      app:
        run: 'cat /proc/self/limits >/tmp/limits; pwd >/tmp/folder; exec sleep 1000'
        cwd: /var/tmp
        limits: { nofile: 77, core: 0, as: 512M, cpu: unlimited }
        ready: { file: /tmp/folder }
)",
                 kernel());
  std::string limits = lab.run("alice", "tr -s ' ' </tmp/limits");
  EXPECT_THAT(limits, HasSubstr("Max open files 77 77 files"));
  EXPECT_THAT(limits, HasSubstr("Max core file size 0 0 bytes"));
  EXPECT_THAT(limits, HasSubstr("Max address space 536870912 536870912 bytes"));
  EXPECT_THAT(limits, HasSubstr("Max cpu time unlimited unlimited seconds"));
  EXPECT_EQ(lab.run("alice", "cat /tmp/folder"), "/var/tmp\n");
}

constexpr const char* kUser = R"(
version: 1
name: users
nodes:
  alice:
    workloads:
      app:
        run: 'id -un >/tmp/id; echo $HOME >>/tmp/id; echo said >/dev/stderr && echo more >>/etc/app/own; exec sleep 1000'
        user: games
        files: { /etc/app/own: mine }
        ready: { log: said }
)";

class UsersTest : public running_lab::OnAnEmbeddedKernel {};

TEST_F(UsersTest, AWorkloadRunsAsItsUser) {
  RunningLab lab(kUser);
  EXPECT_EQ(lab.run("alice", "cat /tmp/id"), "games\n/usr/games\n");
  EXPECT_EQ(lab.run("alice", "stat -c %U /etc/app /etc/app/own /etc/passwd"), "games\ngames\nroot\n");
  EXPECT_EQ(lab.run("alice", "grep -h ^Groups /proc/$(pgrep -x sleep)/status | tr -d '\\t '"), "Groups:60\n");
}

TEST_F(UsersTest, OneThatIsNotThereIsNamed) {
  std::string text = kUser;
  text.replace(text.find("games"), 5, "nosuch");
  try {
    RunningLab lab(text);
    FAIL() << "it runs";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("there is no user \"nosuch\""));
  }
}

TEST(UsersOnTheHostsKernel, AreRefusedBeforeTheLabStarts) {
  try {
    RunningLab lab(kUser, "host");
    FAIL() << "it runs";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("lacks users, asked for by node alice: workload app as user games"));
    EXPECT_THAT(error.what(), HasSubstr("has one user, root"));
  }
}

}  // namespace
