#include "labctl/topology/links/kinds.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

Type<std::optional<Located<std::uint16_t>>> untagged_type() {
  return optional(located(vlan_id_type()));
}
Type<std::vector<Located<std::uint16_t>>> tagged_type() {
  return list_of(located(vlan_id_type()), "numbers of VLANs");
}

Type<BridgePort> port_of_bridge_type() {
  Type<Located<std::string>> link = located(word_type("a link of this node"));
  ObjectKind<BridgePort> kind{"bridge port", "A link of the node that is a port of its bridge.",
                              "{link: left, vlan: 10}"};
  kind.fields = {required(field<BridgePort>("link", &BridgePort::link, link, "The link.", "left")),
                 field<BridgePort>("vlan", &BridgePort::vlan, untagged_type(),
                                   "The VLAN of frames without a tag; its own leave without one.", "10"),
                 field<BridgePort>("tagged", &BridgePort::tagged, tagged_type(),
                                   "The VLANs whose frames have a tag here.", "[20, 30]")};
  kind.short_form = [link](const yaml::Node& node, BridgePort& port, Faults& faults) {
    return link.decode(node, port.link, faults);
  };
  kind.short_doc = "the link's name";
  kind.short_schema = {{"type", {"string", "number", "boolean"}}, {"minLength", 1}};
  return object_type(std::move(kind));
}

}  // namespace

LinkKindEntry bridge_kind() {
  return {
      "bridge",
      "A bridge inside the node, with other links of the node as its ports.",
      "{kind: bridge, ports: [left, right]}",
      [] { return BridgeLink{}; },
      {kind_field("ports", &BridgeLink::ports, list_of(port_of_bridge_type(), "links of this node"),
                  "The links of this node that are its ports.", "[left, right]"),
       kind_field("vlanFiltering", &BridgeLink::vlan_filtering, boolean_type(),
                  "Whether it keeps VLANs apart; a port is of VLAN 1 then where it does not say otherwise.", "true"),
       kind_field("vlan", &BridgeLink::vlan, untagged_type(), "The VLAN that the bridge's own addresses are in.", "10"),
       kind_field("tagged", &BridgeLink::tagged, tagged_type(),
                  "The VLANs that the node itself gets with their tags, for links of kind vlan on the bridge.",
                  "[20, 30]")}};
}

}  // namespace topology
