// The mounts that every lab has, whichever kernel it runs on: the host's files read-only, and memory where things are
// written.
#pragma once

#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"

namespace kernel {

// Where labctl's own things are inside a lab.
inline constexpr const char* kLabDirectory = "/run/labctl";
inline constexpr const char* kLabBin = "/run/labctl/bin";
inline constexpr const char* kLabLibexec = "/run/labctl/libexec";
// An embedded kernel's modules, as `modprobe -d` wants them, and the modprobe that knows them.
inline constexpr const char* kLabModules = "/run/labctl/modules";

// mount(2); throws base::Error naming both.
void mount_at(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
              const std::string& data = {});

// A copy of what is mounted at DIRECTORY (open with O_PATH, or AT_FDCWD and a path), as yet attached nowhere.
base::FileDescriptor clone_mount(int directory, const std::string& path);
// Puts a copy where it is to be seen.
void attach_mount(const base::FileDescriptor& mount, const std::string& target);
// Makes a mount and all below it read-only and nosuid (NODEVICES: and nodev).
void protect_mount(int directory, const std::string& path, bool no_devices);

// Fresh memory on everything that is written in a lab: /run /tmp /var/tmp /var/log …, and over the home directories,
// with the folders found there (empty) where programs expect them. MASKED: further folders to be hidden. Links are
// followed: where they lead is hidden.
void mount_private_directories(const std::vector<std::string>& masked);
// Whether PATH (absolute) is below one of them, or below HOME, which is hidden wherever it is.
bool is_hidden_in_labs(const std::string& path, const std::string& home);

// What /sys shows of the network is that of the namespace it was mounted in: a new one for this namespace. Where the
// kernel gives none (in a user namespace, whose own /sys has parts covered), an empty folder.
void mount_own_sys();

// A /dev of its own with nothing but what programs cannot do without.
enum class DeviceSource {
  kHost,  // bound from the /dev that is there: devices cannot be made in a user namespace
  kMade,  // made: this kernel is the lab's own
};
void mount_devices(DeviceSource source);

// mkdir -p, mode 0755.
void make_directories(const std::string& path);

}  // namespace kernel
