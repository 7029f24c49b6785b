#include "labctl/topology/links/kinds.h"
#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

Type<std::pair<Located<Prefix>, bool>> link_address_type() {
  using Value = std::pair<Located<Prefix>, bool>;
  return {[](const yaml::Node& node, Value& value, Faults& faults) {
            std::optional<Prefix> prefix;
            if (node.kind == yaml::Node::Kind::scalar && node.text != "default") prefix = Prefix::parse(node.text);
            if (!prefix) return faults.add(node.at, wrong_type("an address (10.0.0.1 or 10.0.0.1/24)", node)), false;
            value = {{*prefix, node.at}, node.text.find('/') != std::string::npos};
            return true;
          },
          [](SchemaBuilder&) {
            return boost::json::object{{"type", "string"}};
          },
          "an address"};
}

bool decode_addresses(const yaml::Node& node, Link& link, Faults& faults) {
  std::vector<std::pair<Located<Prefix>, bool>> addresses;
  if (!list_of(link_address_type(), "addresses", Single::accepted).decode(node, addresses, faults)) return false;
  for (auto& [prefix, has_length] : addresses) {
    link.addresses.push_back(prefix);
    link.address_has_length.push_back(has_length);
  }
  return true;
}

std::vector<Field<Link>> common_link_fields() {
  Type<std::vector<std::pair<Located<Prefix>, bool>>> addresses =
      list_of(link_address_type(), "addresses", Single::accepted);
  return {{"address", "Its address or addresses; the length is that of the network's subnet where it is left out.",
           "192.168.1.1/24", addresses.called, false, decode_addresses, addresses.schema},
          field<Link>("mac", &Link::mac, optional(located(mac_type())),
                      "Its MAC address; derived from the names of node and link where it is left out.",
                      "02:00:00:00:00:01"),
          field<Link>("mtu", &Link::mtu, optional(mtu_type()), "The largest packet, in bytes.", "1450"),
          field<Link>("impairment", &Link::impairment, optional(impairment_type()),
                      "What happens to packets that the node sends by it.", "{delay: 10ms, loss: 1%}")};
}

// The link's table depends on its kind: the common fields, "kind" itself, and the kind's own.
ObjectKind<Link> link_kind(const LinkKindEntry& entry) {
  ObjectKind<Link> kind{"link of kind " + entry.name, entry.doc, entry.example, common_link_fields()};
  Field<Link> kind_key{"kind", "What kind of link it is; network where it is left out.", entry.name, "a kind of link"};
  kind_key.required = entry.name != "network";
  kind_key.decode = [](const yaml::Node&, Link&, Faults&) { return true; };
  kind_key.schema = [name = entry.name](SchemaBuilder&) { return boost::json::object{{"const", name}}; };
  kind.fields.insert(kind.fields.begin(), std::move(kind_key));
  kind.fields.insert(kind.fields.end(), entry.fields.begin(), entry.fields.end());
  return kind;
}

bool decode_link(const yaml::Node& node, Link& link, Faults& faults) {
  std::string name = "network";
  link.at = node.at;
  const yaml::Node* chosen = node.find("kind");
  if (chosen != nullptr && (chosen->kind != yaml::Node::Kind::scalar || chosen->is_null())) {
    return faults.add(chosen->at, wrong_type("a kind of link", *chosen)), false;
  }
  if (chosen != nullptr) name = chosen->text;
  std::vector<std::string> names;
  for (const LinkKindEntry& entry : link_kinds()) {
    names.push_back(entry.name);
    if (entry.name != name) continue;
    link.kind = entry.make();
    if (node.is_null()) return true;
    if (node.kind != yaml::Node::Kind::mapping) return decode_addresses(node, link, faults);
    return decode_object(link_kind(entry), node, link, faults);
  }
  faults.add(chosen->at, fmt::format("unknown kind of link \"{}\"{}", name, suggestion(name, names)));
  return false;
}

}  // namespace

Type<Link> link_type() {
  return {decode_link,
          [](SchemaBuilder& builder) {
            boost::json::array any;
            for (const LinkKindEntry& entry : link_kinds()) any.push_back(object_schema(link_kind(entry), builder));
            any.push_back(list_of(link_address_type(), "addresses", Single::accepted).schema(builder));
            any.push_back(boost::json::object{{"type", "null"}});
            return boost::json::object{{"anyOf", any}};
          },
          "a link, or just its address"};
}

}  // namespace topology
