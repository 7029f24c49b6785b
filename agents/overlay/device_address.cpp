#include "agents/overlay/device_address.h"

#include "lib/netlink/route.h"

namespace overlay {

void ensure_device_address(netlink::Socket& socket, const std::string& device, std::uint32_t index,
                           const netlink::Prefix& subnet, Report& report) {
  netlink::Prefix wanted{subnet.network().address, 32};
  bool there = false;
  for (const netlink::AddressInfo& info : netlink::list_addresses(socket)) {
    if (info.link != index || info.address.address.is_v6()) continue;
    if (info.address == wanted) {
      there = true;
    } else {
      netlink::delete_address(socket, device, info.address);
      report.changes.push_back("removed address " + info.address.to_string() + " of " + device);
    }
  }
  if (there) return;
  netlink::add_address(socket, device, wanted);
  report.changes.push_back("gave " + device + " the address " + wanted.to_string());
}

}  // namespace overlay
