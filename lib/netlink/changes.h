// What changes in the kernel's tables, as it happens: a subscription on an Asio event loop.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "lib/netlink/socket.h"

namespace boost::asio {
class io_context;
}

namespace netlink {

// In the network namespace that the calling thread is in when it is made, and stays there.
class Changes {
 public:
  // Gets each message (RTM_NEWROUTE and its like); null where the kernel had to drop some: read the state anew then.
  using Follower = std::function<void(nlmsghdr* change)>;

  // GROUPS: RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, …
  Changes(boost::asio::io_context& loop, std::initializer_list<int> groups, Follower follower);
  ~Changes();  // nothing is reported afterwards
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;
};

}  // namespace netlink
