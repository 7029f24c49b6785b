#include "agents/nodelet/address_pool.h"

#include "lib/base/error.h"

namespace nodelet {

netlink::IpAddress AddressPool::allocate() {
  if (!subnet_) throw base::Error("this node has no subnet for pods yet");
  unsigned host_bits = subnet_->address.bits() - subnet_->length;
  std::uint64_t size = host_bits >= 63 ? std::uint64_t{1} << 63 : std::uint64_t{1} << host_bits;
  const netlink::IpAddress first = subnet_->address.plus(2), end = subnet_->address.plus(size - 1);
  netlink::IpAddress address = last_ && subnet_->contains(*last_) ? last_->plus(1) : first;
  for (std::uint64_t offset = 2; offset + 1 < size; ++offset, address = address.plus(1)) {
    if (address >= end) address = first;
    if (!used_.insert(address).second) continue;
    last_ = address;
    return address;
  }
  throw base::Error("no address is free in " + subnet_->to_string());
}

void AddressPool::reserve(const netlink::IpAddress& address) {
  used_.insert(address);
  // An earlier run's last one is not known: the highest stands for it.
  if (!last_ || *last_ < address) last_ = address;
}

}  // namespace nodelet
