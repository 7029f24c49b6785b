#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"

namespace uml_keeper {

// A user-mode Linux under way, and our ends of its devices.
struct Machine {
  pid_t pid = -1;
  base::FileDescriptor line;      // its serial line /dev/ttyS0, both directions
  base::FileDescriptor console;   // to be read: the kernel's messages and /dev/console
  base::FileDescriptor messages;  // to be read: /dev/tty1, what the guest's init and its programs say
};

// Boots linux.uml with SUPERVISOR as its init on the files that the caller sees. Throws base::Error.
Machine boot(unsigned memory_mib);

// The kernel's command line. It has no quoting, and a blank or a comma in it starts something new: so nothing that
// comes from a user gets there but the number.
std::vector<std::string> command_line(unsigned memory_mib, int line, int console, int messages);

}  // namespace uml_keeper
