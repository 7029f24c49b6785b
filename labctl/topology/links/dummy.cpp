#include "labctl/topology/links/kinds.h"

namespace topology {

LinkKindEntry dummy_kind() {
  return {"dummy",
          "A device that leads nowhere, for addresses that belong to the machine: a virtual IP.",
          [] { return DummyLink{}; },
          {}};
}

}  // namespace topology
