// Where a user's labs are: one folder a lab in the user's runtime directory. The folder is a hint and never trusted: a
// lab lives as long as its first process holds the lock in it, and a folder that nobody holds is reclaimed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "labctl/kernel/lab.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace lab {

// $LABCTL_RUNTIME_DIR, else labctl/ in $XDG_RUNTIME_DIR or /run/user/UID, else /tmp/labctl-UID. Made where it is
// missing, with mode 0700. A runtime directory of somebody else (as `su` leaves it in the environment) is passed over.
// Throws base::Error where it belongs to somebody else or others may enter it, or where its path is so long that no
// socket fits below it (sun_path: 107 characters).
std::filesystem::path runtime_directory();

struct LabFolder {
  std::filesystem::path path;
  std::string name;

  std::filesystem::path control_socket() const { return path / "control.sock"; }
  std::filesystem::path lock() const { return path / "lock"; }  // holds the host's number of the lab's first process
  std::filesystem::path lab_log() const { return path / "lab.log"; }
  std::filesystem::path guest_log() const { return path / "guest.log"; }
  std::filesystem::path kubectl_home() const { return path / "kubectl"; }

  // False for what no lab has made, whatever its name: a folder that holds something else, or no lock.
  bool is_genuine() const;
  bool alive() const;
  // 0 where it is not alive. To be used while alive() only: the number may be another process's afterwards.
  pid_t first_process() const;
  // A handle (pidfd) on it; an invalid one where it is not alive or not known yet.
  base::FileDescriptor open_first_process() const;
  // True once the lab and all its processes are gone; false where they are not within TIMEOUT.
  bool wait_until_ended(std::chrono::milliseconds timeout) const;
};

// Whether FOLDER is a folder with nothing in it that labs do not make.
bool holds_only_lab_files(const std::filesystem::path& folder);

// True once the process of this handle has ended. A lab's first process that has ended has taken all others with it:
// the kernel has it wait for them.
bool wait_for_process(const base::FileDescriptor& process, std::chrono::nanoseconds timeout);

// Lab names become folder and host names: letters, digits, '-' and '_', at most 32. Throws base::Error with the mend.
bool is_lab_name(const std::string& name);
void check_lab_name(const std::string& name);
LabFolder lab_folder(const std::string& name);
// Those that are alive, by name.
std::vector<LabFolder> living_labs();
// With those that are dead and have left a folder.
std::vector<LabFolder> all_labs();
// Throws base::Error where no such lab is alive: names those that are, and, where one has just died, says what it said
// last.
LabFolder find_lab(const std::string& name);

// What to say of a call to a lab that went wrong with FAILURE: where the lab has died, that, and what it said last.
base::Error explain(const LabFolder& folder, const base::Error& failure);

// Takes the lock and makes the files that a new lab lives with; what a dead lab of this name left is removed first, and
// so is what others left more than a day ago. Throws where it is alive: "lab X is running already; labctl down X, or
// give the new one another --name"; and where there is something at its place that is no lab's.
kernel::LabFiles make_lab_files(const LabFolder& folder);

// Ends it: asks the supervisor, then waits; a lab that does not end within PATIENCE_MS is killed by its first process
// (with which the kernel ends all of it). Removes the folder. No error where it has ended meanwhile.
void end_lab(const LabFolder& folder, unsigned patience_ms = 5000);
// The same without asking: for a lab that never got ready.
void remove_lab(const LabFolder& folder, unsigned patience_ms = 5000);

}  // namespace lab
