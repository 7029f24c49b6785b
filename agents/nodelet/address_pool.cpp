#include "agents/nodelet/address_pool.h"

#include "lib/base/error.h"

namespace nodelet {

netlink::IpAddress AddressPool::allocate() {
  if (!subnet_) throw base::Error("this node has no subnet for pods yet");
  unsigned host_bits = subnet_->address.bits() - subnet_->length;
  std::uint64_t size = host_bits >= 63 ? std::uint64_t{1} << 63 : std::uint64_t{1} << host_bits;
  for (std::uint64_t offset = 2; offset + 1 < size; ++offset) {
    netlink::IpAddress address = subnet_->address.plus(offset);
    if (used_.insert(address).second) return address;
  }
  throw base::Error("no address is free in " + subnet_->to_string());
}

}  // namespace nodelet
