#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

Type<NetworkKind> network_kind_type() {
  return scalar_type<NetworkKind>("one of bridge, point-to-point",
                                  [](const yaml::Node& node) -> std::optional<NetworkKind> {
                                    if (node.text == "bridge") return NetworkKind::bridge;
                                    if (node.text == "point-to-point") return NetworkKind::point_to_point;
                                    return std::nullopt;
                                  },
                                  {{"enum", {"bridge", "point-to-point"}}});
}

}  // namespace

Type<Network> network_type() {
  ObjectKind<Network> kind{"network",
                           "A layer-2 segment: a bridge to which nodes are attached, or a cable between two.",
                           "{subnet: 192.168.1.0/24}"};
  kind.fields = {
      field<Network>("kind", &Network::kind, network_kind_type(),
                     "Whether its links are ports of a bridge, any number of them, or the two ends of one cable.",
                     "bridge"),
      field<Network>("subnet", &Network::subnet, optional(located(prefix_type())),
                     "Its IPv4 subnet; gives its links the length of their addresses.", "192.168.1.0/24"),
      field<Network>("subnet6", &Network::subnet6, optional(located(prefix_type())), "Its IPv6 subnet.", "fd00:1::/64"),
      field<Network>("mtu", &Network::mtu, optional(mtu_type()), "The largest packet, in bytes.", "1500")};
  return object_type(std::move(kind));
}

}  // namespace topology
