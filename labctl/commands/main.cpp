#include <fcntl.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "labctl/commands/run.h"

namespace {

// So that no file or socket gets the number of a standard stream that was closed.
void open_standard_streams() {
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) ::_exit(1);
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  open_standard_streams();
  commands::Context context(std::cout, std::cerr);
  int code = commands::run(std::vector<std::string>(arguments + 1, arguments + argument_count), context);
  std::cout.flush();
  // A full disk, say: what was asked for has not been said.
  if (!std::cout && code == commands::kOk) {
    std::cerr << "labctl: the output could not be written\n";
    return commands::kFailed;
  }
  return code;
}
