#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

LinkKindEntry tun_kind() {
  return {"tun",
          "A device whose other end is a program, which attaches to it by /dev/net/tun and its name.",
          "{kind: tun, address: 10.8.0.1/24}",
          [] { return TunLink{}; },
          {kind_field("mode", &TunLink::mode, choice_type({"tun", "tap"}),
                      "Whether the program gets IP packets (tun) or Ethernet frames (tap).", "tun")}};
}

}  // namespace topology
