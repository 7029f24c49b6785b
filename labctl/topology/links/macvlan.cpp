#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

LinkKindEntry macvlan_kind() {
  return {
      "macvlan",
      "A further device on another link's wire, with a MAC address of its own.",
      "{kind: macvlan, device: lan, address: 192.168.1.9/24}",
      [] { return MacvlanLink{}; },
      {required(kind_field("device", &MacvlanLink::device, located(word_type("a link of this node")),
                           "The link that it lies on.", "lan")),
       kind_field("mode", &MacvlanLink::mode, choice_type({"bridge", "private", "vepa", "passthru"}),
                  "How those on the same link reach one another: at once (bridge), not at all (private), by a switch "
                  "outside (vepa); passthru is alone on it.",
                  "bridge")}};
}

}  // namespace topology
