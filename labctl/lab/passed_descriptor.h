// A descriptor, or why there is none, from a child process to its parent over a SOCK_SEQPACKET socket (unix(7),
// SCM_RIGHTS).
#pragma once

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace lab {

void pass_descriptor(int socket, const base::FileDescriptor& descriptor);
void pass_error(int socket, const base::Error& error);
// Throws what the other side passed as an error.
base::FileDescriptor receive_descriptor(int socket);

}  // namespace lab
