#include "agents/nodelet/bridge.h"

#include "lib/netlink/link.h"
#include "lib/netlink/route.h"

namespace nodelet {

std::vector<std::string> align_bridge(netlink::Socket& socket, const PodNetwork& network) {
  std::optional<netlink::LinkInfo> bridge = netlink::find_link(socket, bridge_name);
  if (!bridge) return {};
  bool has_gateway = false;
  std::vector<std::string> lost;
  for (const netlink::AddressInfo& info : netlink::list_addresses(socket)) {
    if (info.link != bridge->index || info.address.address.is_v6()) continue;
    if (info.address == network.gateway()) {
      has_gateway = true;
    } else {
      netlink::delete_address(socket, bridge_name, info.address);
      lost.push_back(info.address.to_string());
    }
  }
  if (!has_gateway) netlink::add_address(socket, bridge_name, network.gateway());
  return lost;
}

}  // namespace nodelet
