#include "labctl/topology/links/mtu.h"

#include <algorithm>

namespace topology {
namespace {

constexpr std::uint32_t ethernet_mtu = 1500;

// What the kernel subtracts from the MTU of the device below (vxlan_config_apply() in drivers/net/vxlan,
// ip_tunnel_bind_dev() in net/ipv4/ip_tunnel.c).
struct Headers {
  std::uint32_t operator()(const VxlanLink& vxlan) const {
    if (!vxlan.device) return 0;
    return vxlan.local && vxlan.local->value.is_v6() ? 70 : 50;
  }
  std::uint32_t operator()(const IpipLink&) const { return 20; }
  std::uint32_t operator()(const GreLink& gre) const { return gre.key ? 28 : 24; }
  template <class Kind>
  std::uint32_t operator()(const Kind&) const {
    return 0;
  }
};

}  // namespace

std::uint32_t mtu_of(const Node& node, const Link& link) {
  if (link.mtu) return *link.mtu;
  // Of a bridge the least of its ports (br_mtu_auto_adjust() in net/bridge/br_if.c).
  std::uint32_t below = 0;
  for (const Located<std::string>& name : parts_of(link)) {
    for (const Link& part : node.links) {
      if (part.name != name.value) continue;
      std::uint32_t mtu = mtu_of(node, part);
      below = below == 0 ? mtu : std::min(below, mtu);
    }
  }
  if (below == 0) below = ethernet_mtu;
  std::uint32_t headers = std::visit(Headers(), link.kind);
  return below > headers ? below - headers : below;
}

}  // namespace topology
