#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

LinkKindEntry bridge_kind() {
  return {
      "bridge",
      "A bridge inside the node, with other links of the node as its ports.",
      "{kind: bridge, ports: [left, right]}",
      [] { return BridgeLink{}; },
      {kind_field("ports", &BridgeLink::ports, list_of(located(word_type("a link of this node")), "links of this node"),
                  "The links of this node that are its ports.", "[left, right]")}};
}

}  // namespace topology
