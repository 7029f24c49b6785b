#include "lib/netlink/links/dummy.h"

#include <linux/if_link.h>

namespace netlink {

void create_dummy(Socket& socket, const NewLink& link) {
  Message message = new_link_message(link);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("dummy"));
  }
  create_link(socket, "dummy", link, message);
}

}  // namespace netlink
