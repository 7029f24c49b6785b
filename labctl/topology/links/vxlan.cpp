#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {

LinkKindEntry vxlan_kind() {
  return {"vxlan",
          "A VXLAN tunnel end point (RFC 7348).",
          "{kind: vxlan, vni: 1, device: lan}",
          [] { return VxlanLink{}; },
          {required(kind_field("vni", &VxlanLink::vni,
                               located(number_type<std::uint32_t>("a VXLAN network identifier", 1, 16777215)),
                               "The VXLAN network identifier.", "1")),
           kind_field("port", &VxlanLink::port, port_type(), "UDP port; the kernel's default is 8472.", "4789"),
           kind_field("local", &VxlanLink::local, optional(located(address_type())),
                      "The address that the tunnel's packets come from.", "192.168.1.1"),
           kind_field("device", &VxlanLink::device, optional(located(word_type("a link of this node"))),
                      "The link that the tunnel's packets leave by.", "lan"),
           kind_field("learning", &VxlanLink::learning, boolean_type(),
                      "Whether addresses are learned from what arrives.", "false")}};
}

}  // namespace topology
