#include "labctl/topology/links/kinds.h"

namespace topology {

LinkKindEntry dummy_kind() {
  return {"dummy",
          "A device that leads nowhere, for addresses that belong to the machine: a virtual IP.",
          "{kind: dummy, address: 10.10.0.1/32}",
          [] { return DummyLink{}; },
          {}};
}

}  // namespace topology
