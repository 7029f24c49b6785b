// The addresses of a node's pods, as CNI's host-local allocates them.
#pragma once

#include <optional>
#include <set>

#include "lib/netlink/address.h"

namespace nodelet {

class AddressPool {
 public:
  // What is in use stays in use.
  void set_subnet(const netlink::Prefix& subnet) { subnet_ = subnet.network(); }
  const std::optional<netlink::Prefix>& subnet() const { return subnet_; }

  // The next free one after the last that was given out, so that what has just been released rests for a while; the
  // subnet's first is its own, the second the bridge's, the last the broadcast's. Throws base::Error where there is
  // none.
  netlink::IpAddress allocate();
  // What an earlier run gave out.
  void reserve(const netlink::IpAddress& address);
  void release(const netlink::IpAddress& address) { used_.erase(address); }

 private:
  std::optional<netlink::Prefix> subnet_;
  std::set<netlink::IpAddress> used_;
  std::optional<netlink::IpAddress> last_;
};

}  // namespace nodelet
