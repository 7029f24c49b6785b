// How values are decoded: each type is one object that reads a YAML node, says what it is called, and gives its schema.
// An object kind is a table of fields; unknown keys, missing keys, the JSON Schema and the reference all come from it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "labctl/topology/faults.h"
#include "labctl/topology/yaml.h"

namespace topology {

// An example of the reference, and the decoder that it is for.
struct Example {
  std::string kind;
  std::string key;   // empty: of the kind itself
  std::string yaml;  // a YAML value
  std::function<void(const yaml::Node&, Faults&)> decode;
};

// Gathers the definitions that schemas refer to, the reference's sections and their examples, while they are made.
struct SchemaBuilder {
  boost::json::object definitions;
  std::vector<std::string> order;
  std::vector<Example> examples;
};

template <class V>
struct Type {
  // Returns false after it has added a fault.
  std::function<bool(const yaml::Node&, V&, Faults&)> decode;
  std::function<boost::json::object(SchemaBuilder&)> schema;
  std::string called;  // "an address": for messages and the reference
};

inline std::string wrong_type(const std::string& expected, const yaml::Node& node) {
  const char* mend = node.is_null() ? ": give it a value or remove it" : "";
  return fmt::format("expected {}, found {}{}", expected, yaml::describe(node), mend);
}

// A scalar that PARSE turns into a value; parse returns nothing where it is not one.
template <class V>
Type<V> scalar_type(std::string called, std::function<std::optional<V>(const yaml::Node&)> parse,
                    boost::json::object schema) {
  return {[called, parse](const yaml::Node& node, V& value, Faults& faults) {
            std::optional<V> parsed;
            if (node.kind == yaml::Node::Kind::scalar) parsed = parse(node);
            if (!parsed) return faults.add(node.at, wrong_type(called, node)), false;
            value = std::move(*parsed);
            return true;
          },
          [schema](SchemaBuilder&) { return schema; }, called};
}

template <class V>
Type<Located<V>> located(Type<V> inner) {
  return {[inner](const yaml::Node& node, Located<V>& value, Faults& faults) {
            value.at = node.at;
            return inner.decode(node, value.value, faults);
          },
          inner.schema, inner.called};
}

template <class V>
Type<std::optional<V>> optional(Type<V> inner) {
  return {[inner](const yaml::Node& node, std::optional<V>& value, Faults& faults) {
            V decoded{};
            if (!inner.decode(node, decoded, faults)) return false;
            value = std::move(decoded);
            return true;
          },
          inner.schema, inner.called};
}

// Whether an element alone, without brackets, is a list of one.
enum class Single { refused, accepted };

// PLURAL says of what: "routes".
template <class V>
Type<std::vector<V>> list_of(Type<V> inner, const std::string& plural, Single alone = Single::refused) {
  std::string called = "a list of " + plural;
  bool single = alone == Single::accepted;
  return {[inner, single, called](const yaml::Node& node, std::vector<V>& values, Faults& faults) {
            if (single && node.kind != yaml::Node::Kind::sequence) {
              V value{};
              if (!inner.decode(node, value, faults)) return false;
              values.push_back(std::move(value));
              return true;
            }
            if (node.kind != yaml::Node::Kind::sequence) {
              bool text = node.kind == yaml::Node::Kind::scalar && !node.is_null();
              faults.add(node.at, wrong_type(called, node) + (text ? ": put it in []" : ""));
              return false;
            }
            bool good = true;
            for (const yaml::Node& item : node.items) {
              V value{};
              if (inner.decode(item, value, faults)) {
                values.push_back(std::move(value));
              } else {
                good = false;
              }
            }
            return good;
          },
          [inner, single](SchemaBuilder& builder) {
            boost::json::object list{{"type", "array"}, {"items", inner.schema(builder)}};
            if (!single) return list;
            return boost::json::object{{"anyOf", boost::json::array{inner.schema(builder), list}}};
          },
          called};
}

// The same, but not without elements: MEND says what to do.
template <class V>
Type<std::vector<V>> not_empty(Type<std::vector<V>> list, const std::string& mend) {
  return {[list, mend](const yaml::Node& node, std::vector<V>& values, Faults& faults) {
            if (!list.decode(node, values, faults)) return false;
            if (values.empty()) return faults.add(node.at, fmt::format("an empty list, {}", mend)), false;
            return true;
          },
          [list](SchemaBuilder& builder) {
            boost::json::object schema = list.schema(builder);
            schema["minItems"] = 1;
            return schema;
          },
          list.called};
}

// What a name that the user gives may be.
struct NameRule {
  std::function<std::string(const std::string&)> refuse;  // empty, or why it is none
  std::string pattern;                                    // the same as a regular expression, for the schema
};

// A mapping from names that the user gives to values. STORE stores the entry: (name, place of the name, value).
template <class V, class Container>
Type<Container> map_of(std::string called, Type<V> inner, std::function<void(Container&, const yaml::Entry&, V)> store,
                       NameRule rule) {
  return {[=](const yaml::Node& node, Container& values, Faults& faults) {
            if (node.is_null()) return true;
            if (node.kind != yaml::Node::Kind::mapping) return faults.add(node.at, wrong_type(called, node)), false;
            bool good = true;
            for (const yaml::Entry& entry : node.entries) {
              std::string refusal = rule.refuse(entry.key);
              if (!refusal.empty()) faults.add(entry.at, refusal), good = false;
              V value{};
              good = inner.decode(entry.value, value, faults) && good;
              // Kept though it is at fault: who refers to it is not wrong for that.
              store(values, entry, std::move(value));
            }
            return good;
          },
          [inner, pattern = rule.pattern](SchemaBuilder& builder) {
            return boost::json::object{{"type", {"object", "null"}},
                                       {"propertyNames", {{"pattern", pattern}}},
                                       {"additionalProperties", inner.schema(builder)}};
          },
          called};
}

template <class T>
struct Field {
  std::string name;
  std::string doc;
  std::string example;  // a YAML value
  std::string called;
  bool required = false;
  std::function<bool(const yaml::Node&, T&, Faults&)> decode{};
  std::function<boost::json::object(SchemaBuilder&)> schema{};
};

template <class T, class Base, class V>
Field<T> field(std::string name, V Base::*member, Type<V> type, std::string doc, std::string example) {
  return {std::move(name),
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [member, type](const yaml::Node& node, T& object, Faults& faults) {
            return type.decode(node, object.*member, faults);
          },
          type.schema};
}

template <class T>
Field<T> required(Field<T> it) {
  it.required = true;
  return it;
}

// One kind of object: the table that everything about it comes from.
template <class T>
struct ObjectKind {
  std::string name;  // "node": the heading in the reference
  std::string doc;
  std::string example;  // a YAML value, short: messages quote it
  std::vector<Field<T>> fields{};
  // A short form, tried where the YAML node is not a mapping; may be empty.
  std::function<bool(const yaml::Node&, T&, Faults&)> short_form{};
  std::string short_doc{};
  boost::json::object short_schema{};
};

template <class T>
std::vector<std::string> field_names(const ObjectKind<T>& kind) {
  std::vector<std::string> names;
  for (const Field<T>& it : kind.fields) names.push_back(it.name);
  return names;
}

// Decodes the keys that OBJECT's kind knows; returns the names that unknown keys were probably meant to be.
template <class T>
std::vector<std::string> decode_fields(const ObjectKind<T>& kind, const yaml::Node& node, T& object, Faults& faults) {
  std::vector<std::string> meant;
  for (const yaml::Entry& entry : node.entries) {
    auto known =
        std::find_if(kind.fields.begin(), kind.fields.end(), [&](const Field<T>& it) { return it.name == entry.key; });
    if (known == kind.fields.end()) {
      std::vector<std::string> names = field_names(kind);
      faults.add(entry.at,
                 fmt::format("unknown key \"{}\" in {}{}", entry.key, kind.name, suggestion(entry.key, names)));
      meant.push_back(nearest(entry.key, names));
      continue;
    }
    known->decode(entry.value, object, faults);
  }
  return meant;
}

template <class T>
bool decode_object(const ObjectKind<T>& kind, const yaml::Node& node, T& object, Faults& faults) {
  if (node.kind != yaml::Node::Kind::mapping) {
    if (kind.short_form) return kind.short_form(node, object, faults);
    faults.add(node.at, wrong_type("a mapping like " + kind.example, node));
    return false;
  }
  size_t before = faults.size();
  std::vector<std::string> meant = decode_fields(kind, node, object, faults);
  for (const Field<T>& it : kind.fields) {
    if (!it.required || node.find(it.name) != nullptr) continue;
    if (std::find(meant.begin(), meant.end(), it.name) != meant.end()) continue;
    faults.add(node.at, fmt::format("{} lacks \"{}\", add it: {}: {}", kind.name, it.name, it.name, it.example));
  }
  return faults.size() == before;
}

// The examples of KIND, for whoever checks the reference.
template <class T>
void add_examples(const ObjectKind<T>& kind, SchemaBuilder& builder) {
  builder.examples.push_back({kind.name, "", kind.example, [kind](const yaml::Node& node, Faults& faults) {
                                T object{};
                                decode_object(kind, node, object, faults);
                              }});
  for (const Field<T>& it : kind.fields) {
    builder.examples.push_back({kind.name, it.name, it.example, [it](const yaml::Node& node, Faults& faults) {
                                  T object{};
                                  it.decode(node, object, faults);
                                }});
  }
}

// What a kind is called in a schema's references, which are URIs.
inline std::string schema_id(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

template <class T>
boost::json::object object_schema(const ObjectKind<T>& kind, SchemaBuilder& builder) {
  const std::string id = schema_id(kind.name);
  boost::json::object reference{{"$ref", "#/$defs/" + id}};
  if (builder.definitions.contains(id)) return reference;
  builder.definitions[id] = boost::json::object{};  // a kind may contain itself
  builder.order.push_back(id);
  add_examples(kind, builder);
  boost::json::object properties;
  boost::json::array needed;
  for (const Field<T>& it : kind.fields) {
    boost::json::object property = it.schema(builder);
    property["description"] = it.doc;
    property["examples"] = boost::json::array{boost::json::string(it.example)};
    property["x-type"] = it.called;
    properties[it.name] = std::move(property);
    if (it.required) needed.push_back(boost::json::string(it.name));
  }
  boost::json::object schema{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!needed.empty()) schema["required"] = needed;
  if (kind.short_form) {
    schema = {{"anyOf", boost::json::array{schema, kind.short_schema}}};
    schema["x-short"] = kind.short_doc;
  }
  schema["title"] = kind.name;
  schema["description"] = kind.doc;
  schema["examples"] = boost::json::array{boost::json::string(kind.example)};
  builder.definitions[id] = std::move(schema);
  return reference;
}

template <class T>
Type<T> object_type(std::shared_ptr<const ObjectKind<T>> kind) {
  return {
      [kind](const yaml::Node& node, T& object, Faults& faults) { return decode_object(*kind, node, object, faults); },
      [kind](SchemaBuilder& builder) { return object_schema(*kind, builder); }, "a " + kind->name};
}

template <class T>
Type<T> object_type(ObjectKind<T> kind) {
  return object_type(std::make_shared<const ObjectKind<T>>(std::move(kind)));
}

}  // namespace topology
