// The kinds of link. A new kind is a file beside this one and a line in kinds.cpp (and its struct in topology.h).
#pragma once

#include <string>
#include <vector>

#include "labctl/topology/topology.h"
#include "labctl/topology/types.h"

namespace topology {

struct LinkKindEntry {
  std::string name;  // the word after "kind:"
  std::string doc;
  std::string example;
  // Makes an empty link of this kind.
  std::function<LinkKind()> make;
  // The fields that only this kind has.
  std::vector<Field<Link>> fields;
};

LinkKindEntry network_kind();
LinkKindEntry dummy_kind();
LinkKindEntry bridge_kind();
LinkKindEntry vxlan_kind();
LinkKindEntry macvlan_kind();
LinkKindEntry vlan_kind();
LinkKindEntry ipip_kind();
LinkKindEntry gre_kind();
LinkKindEntry tun_kind();

const std::vector<LinkKindEntry>& link_kinds();

// A field of the kind-specific struct K inside Link::kind.
template <class K, class V>
Field<Link> kind_field(std::string name, V K::*member, Type<V> type, std::string doc, std::string example) {
  return {std::move(name),
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [member, type](const yaml::Node& node, Link& link, Faults& faults) {
            if (!std::holds_alternative<K>(link.kind)) link.kind = K{};
            return type.decode(node, std::get<K>(link.kind).*member, faults);
          },
          type.schema};
}

}  // namespace topology
