#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

LinkKindEntry vlan_kind() {
  return {"vlan",
          "A VLAN of another link (IEEE 802.1Q): what goes by it has a tag there.",
          "{kind: vlan, device: lan, id: 10, address: 10.0.10.1/24}",
          [] { return VlanLink{}; },
          {required(kind_field("device", &VlanLink::device, located(word_type("a link of this node")),
                               "The link that it lies on.", "lan")),
           required(kind_field("id", &VlanLink::id, located(vlan_id_type()), "The VLAN's number.", "10"))}};
}

}  // namespace topology
