// PID 1 of a lab that runs on an embedded kernel: runs user-mode Linux, keeps its console's words, and carries the
// control API between the host's socket and the guest. Descriptors 3 to 8: see kernel/bundle.h.
#include <cstdio>

#include "labctl/kernel/bundle.h"
#include "labctl/kernel/uml_keeper/keeper.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

int main() {
  try {
    return uml_keeper::Keeper().run();
  } catch (const base::Error& error) {
    std::fprintf(stderr, "uml-keeper: %s\n", error.what());
    try {
      base::write_all(kernel::kProgressFd, kernel::error_line(error.what()));
    } catch (const base::Error&) {
      // Nobody listens any more.
    }
    return 1;
  }
}
