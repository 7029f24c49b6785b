#include "labctl/topology/tables.h"
#include "labctl/topology/topology.h"

namespace topology {
namespace {

void write_indented(const boost::json::value& value, std::string& out, size_t indent) {
  std::string inner(indent + 2, ' ');
  if (value.is_object() && !value.get_object().empty()) {
    out += "{\n";
    const char* separator = "";
    for (const auto& member : value.get_object()) {
      out += separator + inner + boost::json::serialize(member.key()) + ": ";
      write_indented(member.value(), out, indent + 2);
      separator = ",\n";
    }
    out += "\n" + std::string(indent, ' ') + "}";
  } else {
    out += boost::json::serialize(value);
  }
}

}  // namespace

std::string json_schema() {
  SchemaBuilder builder;
  boost::json::object root = object_schema(topology_kind(), builder);
  boost::json::object schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                             {"title", "labctl topology"},
                             {"$ref", root.at("$ref")},
                             {"$defs", builder.definitions}};
  std::string text;
  write_indented(schema, text, 0);
  return text + "\n";
}

}  // namespace topology
