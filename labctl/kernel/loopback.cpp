#include "labctl/kernel/loopback.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace kernel {

void set_loopback_up() {
  base::FileDescriptor socket(base::check_system("make a socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  base::check_system("set lo up", ::ioctl(socket.get(), SIOCSIFFLAGS, &request));
}

}  // namespace kernel
