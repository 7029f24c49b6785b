// Starts kubectl in a network namespace of its own, in which it finds an API server on loopback.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"

namespace lab {

struct KubectlStreams {
  int input = 0;
  int output = 1;
  int error_output = 2;
};

struct KubectlChild {
  pid_t pid = -1;
  // Where it makes its connections: they wait in its queue until they are accepted.
  base::FileDescriptor listener;
};

// CACHE is a folder for what kubectl keeps of the API server's discovery. Throws CannotRun where kubectl is not
// installed.
KubectlChild start_kubectl(const std::string& lab, const std::string& cache, const std::vector<std::string>& arguments,
                           const KubectlStreams& streams);

}  // namespace lab
