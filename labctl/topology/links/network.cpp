#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

LinkKindEntry network_kind() {
  return {"network",
          "A cable to a network: a veth pair, one end in the node, the other a port of the network's bridge, or in the "
          "other node of a point-to-point network.",
          "{network: lan, address: 192.168.1.1}",
          [] { return NetworkLink{}; },
          {kind_field("network", &NetworkLink::network, located(word_type("the name of a network")),
                      "The network; the one that the link is named after where this is not given.", "lan")}};
}

}  // namespace topology
