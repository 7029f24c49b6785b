#include "lib/netlink/links/macvlan.h"

#include <linux/if_link.h>

namespace netlink {
namespace {

std::uint32_t kernel_mode(MacvlanMode mode) {
  switch (mode) {
    case MacvlanMode::private_mode:
      return MACVLAN_MODE_PRIVATE;
    case MacvlanMode::vepa:
      return MACVLAN_MODE_VEPA;
    case MacvlanMode::bridge:
      return MACVLAN_MODE_BRIDGE;
    case MacvlanMode::passthru:
      return MACVLAN_MODE_PASSTHRU;
  }
  return MACVLAN_MODE_BRIDGE;
}

}  // namespace

void create_macvlan(Socket& socket, const NewLink& link, std::uint32_t device, MacvlanMode mode) {
  Message message = new_link_message(link);
  message.put(IFLA_LINK, device);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("macvlan"));
    auto data = message.nest(IFLA_INFO_DATA);
    message.put(IFLA_MACVLAN_MODE, kernel_mode(mode));
  }
  create_link(socket, "macvlan", link, message);
}

}  // namespace netlink
