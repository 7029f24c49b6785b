// A lab with a shell server in the supervisor's place.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "labctl/kernel/lab.h"
#include "lib/base/file_descriptor.h"

namespace test_lab {

class TestLab {
 public:
  // Lives in a folder of its own below /tmp, with its programs.
  TestLab();
  // Ends the lab, if it has not ended, and removes the folder.
  ~TestLab();
  TestLab(const TestLab&) = delete;
  TestLab& operator=(const TestLab&) = delete;

  kernel::LabSpec spec;
  void start();

  // What the command says, on both its outputs.
  std::string run(const std::string& command, const std::string& input = {});
  // A connection that is the three streams of COMMAND.
  base::FileDescriptor connect(const std::string& command);

  // PID 1 of the lab as the host sees it; 0 where there is none.
  pid_t pid() const;
  // True once PID 1 of the lab is gone; waits for up to ten seconds.
  bool has_ended() const;
  std::filesystem::path folder() const { return folder_; }
  std::string lab_log() const;
  std::string guest_log() const;

 private:
  bool lock_is_free() const;

  std::filesystem::path folder_;
};

// True where no process is in the pid namespace that this link of /proc/…/ns/pid names; waits for up to ten seconds.
bool is_deserted(const std::string& pid_namespace);
std::string pid_namespace_of(pid_t pid);

// Why labs on this provider cannot be tried here; empty where they can.
std::string obstacle(const std::string& provider);

}  // namespace test_lab
