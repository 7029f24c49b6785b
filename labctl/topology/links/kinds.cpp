#include "labctl/topology/links/kinds.h"

namespace topology {

const std::vector<LinkKindEntry>& link_kinds() {
  static const std::vector<LinkKindEntry> kinds{
      network_kind(), dummy_kind(), bridge_kind(), vxlan_kind(), macvlan_kind(),
      vlan_kind(),    ipip_kind(),  gre_kind(),    tun_kind(),
  };
  return kinds;
}

}  // namespace topology
