// What a link loses when it is set down: IPv6 addresses, and routes of all tables. The kernel keeps only the IPv4
// addresses, and makes only the routes to their subnets again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/netlink/socket.h"

namespace netlink {

class LinkConfiguration {
 public:
  static LinkConfiguration of(Socket& socket, const std::string& link);
  // Gives the link, which is up again, what it lacks of it. Throws base::Error where something could not be given,
  // after all else was.
  void restore(Socket& socket) const;

 private:
  struct Object {
    int type = 0;      // RTM_NEWADDR, RTM_NEWROUTE
    std::string body;  // its fixed part and its attributes, as the kernel had them
  };
  bool give_back(Socket& socket, const Object& it, std::optional<base::Error>& failure) const;

  std::string link_;
  std::vector<Object> addresses_, routes_;
};

}  // namespace netlink
