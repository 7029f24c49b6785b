#include "agents/apiserver/managed_fields.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "agents/apiserver/patch.h"
#include "agents/apiserver/status.h"

namespace apiserver {
namespace {

namespace json = boost::json;
using kube::text_at;

// FieldsV1: "f:NAME" is a member of an object, "k:{…}" the element of a list with these keys, "v:…" that value in a
// set, and "." in an element the element as such. What has nothing below it is owned as a whole.
constexpr const char* itself = ".";

const json::value* value_of(const Object& object, std::string_view key) {
  static const json::value tcp = "TCP";
  const json::value* value = object.if_contains(key);
  return value == nullptr && key == "protocol" ? &tcp : value;
}

// What tells ELEMENT apart in its list: {"containerPort": 53, "protocol": "UDP"}.
Object identity_of(const json::value& element, std::string_view list, std::string_view parent) {
  std::string_view key = merge_key(list, parent);
  const json::value* id = element.is_object() ? element.get_object().if_contains(key) : nullptr;
  if (id == nullptr) {
    throw bad_request("an element of \"" + std::string(list) + "\" lacks its \"" + std::string(key) + "\"");
  }
  Object identity{{key, *id}};
  if (list == "ports") identity["protocol"] = *value_of(element.get_object(), "protocol");
  return identity;
}

bool is(const json::value& element, const Object& identity) {
  return element.is_object() && std::all_of(identity.begin(), identity.end(), [&](const auto& member) {
           const json::value* value = value_of(element.get_object(), member.key());
           return value != nullptr && *value == member.value();
         });
}

template <class Array>
auto find_element(Array& list, const Object& identity) {
  return std::find_if(list.begin(), list.end(), [&](const json::value& element) { return is(element, identity); });
}

// --- Sets of fields -----------------------------------------------------------------------------------------------

Object fields_of(const Object& object, std::string_view parent);

// Empty for a list that is set as a whole.
Object fields_of_list(const json::array& list, std::string_view name, std::string_view parent) {
  Object fields;
  for (const json::value& element : list) {
    if (!merge_key(name, parent).empty()) {
      Object identity = identity_of(element, name, parent);
      Object below = fields_of(element.get_object(), name);
      below[itself] = Object();
      fields["k:" + json::serialize(identity)] = std::move(below);
    } else if (is_merged_set(name)) {
      fields["v:" + json::serialize(element)] = Object();
    }
  }
  return fields;
}

Object fields_of(const Object& object, std::string_view parent) {
  Object fields;
  for (const auto& [key, value] : object) {
    if (value.is_null()) continue;
    Object below;
    if (value.is_object()) below = fields_of(value.get_object(), key);
    if (value.is_array()) below = fields_of_list(value.get_array(), key, parent);
    fields["f:" + std::string(key)] = std::move(below);
  }
  return fields;
}

void add(Object& fields, const Object& more) {
  for (const auto& [name, below] : more) {
    json::value& place = fields[name];
    if (!place.is_object()) place.emplace_object();
    add(place.get_object(), below.get_object());
  }
}

Object difference(const Object& fields, const Object& kept) {
  Object result;
  for (const auto& [name, below] : fields) {
    const json::value* other = kept.if_contains(name);
    if (other == nullptr) {
      result[name] = below;
    } else if (Object rest = difference(below.get_object(), other->get_object()); !rest.empty()) {
      result[name] = std::move(rest);
    }
  }
  return result;
}

// Null where it is not there.
template <class Value>
Value* find_field(Value* parent, std::string_view name) {
  if (parent == nullptr || name == itself) return parent;
  if (name.starts_with("f:")) {
    auto* object = parent->if_object();
    return object == nullptr ? nullptr : object->if_contains(name.substr(2));
  }
  auto* list = parent->if_array();
  if (list == nullptr) return nullptr;
  json::value wanted = json::parse(name.substr(2));
  auto found =
      name.starts_with("k:") ? find_element(*list, wanted.as_object()) : std::find(list->begin(), list->end(), wanted);
  return found == list->end() ? nullptr : &*found;
}

// Those of FIELDS that have the same value, or are still there, after a change.
Object unchanged(const Object& fields, const json::value* before, const json::value* after) {
  Object result;
  for (const auto& [name, below] : fields) {
    const json::value *old = find_field(before, name), *now = find_field(after, name);
    if (now == nullptr) continue;
    if (below.get_object().empty()) {
      if (name == itself || (old != nullptr && *old == *now)) result[name] = below;
    } else if (Object rest = unchanged(below.get_object(), old, now); !rest.empty()) {
      result[name] = std::move(rest);
    }
  }
  return result;
}

// --- Objects ------------------------------------------------------------------------------------------------------

void take_away(json::value& parent, std::string_view name) {
  if (Object* object = parent.if_object()) {
    object->stable_erase(name.substr(2));
  } else if (json::array* list = parent.if_array()) {
    list->erase(list->begin() + (find_field(&parent, name) - list->data()));
  }
}

bool is_empty(const json::value& value) {
  return (value.is_object() && value.get_object().empty()) || (value.is_array() && value.get_array().empty());
}

// What becomes empty by it goes as well. An object that was set as an empty one is not the manager's with what came
// into it since.
void remove_fields(json::value& parent, const Object& fields) {
  for (const auto& [name, below] : fields) {
    json::value* value = find_field(&parent, name);
    if (value == nullptr || name == itself) continue;
    bool whole = below.get_object().contains(itself) || (below.get_object().empty() && !value->is_object());
    if (!whole) remove_fields(*value, below.get_object());
    if (whole || is_empty(*value)) take_away(parent, name);
  }
}

json::value merged(json::value target, const json::value& configuration, std::string_view name,
                   std::string_view parent);

json::array merged_list(json::array list, const json::array& configuration, std::string_view name,
                        std::string_view parent) {
  bool keyed = !merge_key(name, parent).empty();
  if (!keyed && !is_merged_set(name)) return configuration;
  for (const json::value& element : configuration) {
    auto found =
        keyed ? find_element(list, identity_of(element, name, parent)) : std::find(list.begin(), list.end(), element);
    if (found == list.end()) {
      list.push_back(element);
    } else {
      *found = merged(std::move(*found), element, name, parent);
    }
  }
  return list;
}

// CONFIGURATION is the value of the field NAME of PARENT, or an element of it.
json::value merged(json::value target, const json::value& configuration, std::string_view name,
                   std::string_view parent) {
  if (configuration.is_array()) {
    json::array list = target.is_array() ? std::move(target.get_array()) : json::array();
    return merged_list(std::move(list), configuration.get_array(), name, parent);
  }
  if (!configuration.is_object()) return configuration;
  if (!target.is_object()) target.emplace_object();
  Object& object = target.get_object();
  for (const auto& [key, value] : configuration.get_object()) {
    if (value.is_null()) {
      object.erase(key);
    } else {
      json::value& place = object[key];
      place = merged(std::move(place), value, key, name);
    }
  }
  return target;
}

// --- metadata.managedFields ---------------------------------------------------------------------------------------

// Without what names the object, and what is the server's.
Object managed_part(Object object, const std::string& subresource) {
  for (const char* field : {"apiVersion", "kind"}) object.erase(field);
  if (subresource != "status") object.erase("status");
  json::value* metadata = object.if_contains("metadata");
  if (metadata == nullptr || !metadata->is_object()) return object;
  Object managed;
  for (const char* field : {"annotations", "finalizers", "labels", "ownerReferences"}) {
    if (const json::value* value = metadata->get_object().if_contains(field)) managed[field] = *value;
  }
  if (managed.empty()) {
    object.erase("metadata");
  } else {
    object["metadata"] = std::move(managed);
  }
  return object;
}

// What `kubectl apply` set before one went over to --server-side: it notes its configuration in an annotation.
Object client_side_fields(const Object& object) {
  const json::value* noted =
      kube::object_at(object, "metadata.annotations").if_contains("kubectl.kubernetes.io/last-applied-configuration");
  if (noted == nullptr || !noted->is_string()) return {};
  boost::system::error_code failure;
  json::value configuration = json::parse(noted->get_string(), failure);
  if (failure || !configuration.is_object()) return {};
  return fields_of(managed_part(configuration.get_object(), ""), "");
}

Object make_entry(const std::string& manager, const std::string& operation, const Object& object, Object fields) {
  return {{"manager", manager},
          {"operation", operation},
          {"apiVersion", text_at(object, "apiVersion")},
          {"time", kube::timestamp_now()},
          {"fieldsType", "FieldsV1"},
          {"fieldsV1", std::move(fields)}};
}

std::vector<Object> entries_of(const Object& object) {
  std::vector<Object> entries;
  for (const json::value& entry : kube::array_at(object, "metadata.managedFields")) {
    if (entry.is_object()) entries.push_back(entry.get_object());
  }
  return entries;
}

bool is_of(const Object& entry, const AppliedFields& applied) {
  return text_at(entry, "operation") == "Apply" && text_at(entry, "manager") == applied.manager &&
         text_at(entry, "subresource") == applied.subresource;
}

void set_applied(std::vector<Object>& entries, const Object& object, const AppliedFields& applied) {
  auto mine = std::find_if(entries.begin(), entries.end(), [&](const Object& entry) { return is_of(entry, applied); });
  if (mine != entries.end() && kube::object_at(*mine, "fieldsV1") == applied.fields) return;
  Object entry = make_entry(applied.manager, "Apply", object, applied.fields);
  if (!applied.subresource.empty()) entry["subresource"] = applied.subresource;
  if (mine == entries.end()) {
    entries.push_back(std::move(entry));
  } else {
    *mine = std::move(entry);
  }
}

}  // namespace

AppliedFields applied_fields(const Object& configuration, const std::string& manager, const std::string& subresource) {
  return {manager, subresource, fields_of(managed_part(configuration, subresource), "")};
}

Object apply_configuration(Object object, const Object& configuration, const AppliedFields& applied) {
  Object before, kept = applied.fields;
  for (const Object& entry : entries_of(object)) {
    add(is_of(entry, applied) ? before : kept, kube::object_at(entry, "fieldsV1"));
  }
  json::value result = std::move(object);
  remove_fields(result, difference(before, kept));
  result = merged(std::move(result), configuration, "", "");
  return std::move(result.get_object());
}

void update_managed_fields(const Object& old, Object& object, const AppliedFields* applied) {
  std::vector<Object> entries = entries_of(old);
  if (entries.empty() && applied == nullptr) return;
  // Or else what is there would be nobody's, and the first who applied a part of it could take that away.
  if (entries.empty() && applied != nullptr && !old.empty()) {
    Object others = difference(fields_of(managed_part(old, ""), ""), client_side_fields(old));
    entries.push_back(make_entry("before-first-apply", "Update", old, std::move(others)));
  }
  json::value before = old, after = object;
  for (Object& entry : entries) {
    if (applied != nullptr && is_of(entry, *applied)) continue;
    entry["fieldsV1"] = unchanged(kube::object_at(entry, "fieldsV1"), &before, &after);
  }
  std::erase_if(entries, [](const Object& entry) { return kube::object_at(entry, "fieldsV1").empty(); });
  if (applied != nullptr) set_applied(entries, object, *applied);
  Object& metadata = object["metadata"].as_object();
  metadata.erase("managedFields");
  if (!entries.empty()) metadata["managedFields"] = json::array(entries.begin(), entries.end());
}

}  // namespace apiserver
