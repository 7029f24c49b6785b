#include "lib/netlink/links/tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "lib/base/error.h"
#include "lib/netlink/network_namespace.h"

namespace netlink {
namespace {

void make_device(const std::string& name, TunMode mode) {
  base::FileDescriptor tun = open_tun(name, mode);
  base::check_system("keep link " + name, ::ioctl(tun.get(), TUNSETPERSIST, 1));
}

}  // namespace

base::FileDescriptor open_tun(const std::string& name, TunMode mode) {
  base::FileDescriptor tun = base::open_file("/dev/net/tun", O_RDWR | O_NONBLOCK);
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  int flags = (mode == TunMode::tun ? IFF_TUN : IFF_TAP) | IFF_NO_PI;
  request.ifr_flags = static_cast<short>(flags);
  const char* kind = mode == TunMode::tun ? "TUN" : "TAP";
  base::check_system(std::string("create ") + kind + " link " + name, ::ioctl(tun.get(), TUNSETIFF, &request));
  return tun;
}

void create_tun(const base::FileDescriptor& network_namespace, const NewLink& link, TunMode mode) {
  in_namespace(network_namespace, [&] { make_device(link.name, mode); });
  Socket socket = Socket::open_in(network_namespace);
  if (link.mac && mode == TunMode::tap) set_link_mac(socket, link.name, *link.mac);
  if (link.mtu) set_link_mtu(socket, link.name, *link.mtu);
  if (!link.alternative_name.empty()) add_alternative_name(socket, link.name, link.alternative_name);
}

}  // namespace netlink
