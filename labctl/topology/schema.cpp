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

std::string row(const boost::json::object& property, const std::string& key, bool required) {
  std::string example(property.at("examples").as_array().front().as_string());
  return fmt::format("| `{}` | {}{} | {} | `{}: {}` |\n", key, std::string(property.at("x-type").as_string()),
                     required ? " (required)" : "", std::string(property.at("description").as_string()), key, example);
}

bool contains(const boost::json::object& schema, const std::string& key) {
  const boost::json::value* required = schema.if_contains("required");
  if (required == nullptr) return false;
  for (const boost::json::value& name : required->as_array()) {
    if (name.as_string() == key) return true;
  }
  return false;
}

std::string section(const std::string& name, const boost::json::object& definition) {
  std::string text = fmt::format("\n## {}\n\n{}\n", name, std::string(definition.at("description").as_string()));
  const boost::json::object* object = &definition;
  if (const boost::json::value* any = definition.if_contains("anyOf")) {
    object = &any->as_array().front().as_object();
    text += fmt::format("\nShort form: {}.\n", std::string(definition.at("x-short").as_string()));
  }
  text += "\n| key | type | meaning | example |\n|---|---|---|---|\n";
  for (const auto& member : object->at("properties").as_object()) {
    const boost::json::object& property = member.value().as_object();
    text += row(property, std::string(member.key()), contains(*object, std::string(member.key())));
  }
  return text;
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

std::string reference() {
  SchemaBuilder builder;
  object_schema(topology_kind(), builder);
  std::string text =
      "# The topology language\n\n"
      "Made from the decoder's own tables by `labctl schema --reference`. A file is one YAML mapping, the `topology`.\n"
      "Names that you give (of nodes, networks, links, workloads) are keys of mappings of their own, so that a new\n"
      "keyword never clashes with them. Unknown and duplicate keys are refused.\n";
  for (const std::string& name : builder.order) text += section(name, builder.definitions.at(name).as_object());
  return text;
}

}  // namespace topology
