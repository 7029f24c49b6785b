#include "agents/apiserver/patch.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>
#include <set>
#include <string>
#include <vector>

#include "agents/apiserver/status.h"

namespace apiserver {
namespace {

namespace json = boost::json;

StatusError does_not_fit(const std::string& why) {
  return {422, "Invalid", "the patch does not fit: " + why};
}

json::value merged(json::value target, const json::value& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target.emplace_object();
  Object& object = target.get_object();
  for (const auto& [key, value] : patch.get_object()) {
    if (value.is_null()) {
      object.erase(key);
    } else {
      json::value* old = object.if_contains(key);
      object[key] = merged(old == nullptr ? json::value() : std::move(*old), value);
    }
  }
  return target;
}

// --- JSON patch ---------------------------------------------------------------------------------------------------

std::vector<std::string> split_pointer(const std::string& pointer) {
  if (pointer.empty()) return {};
  if (pointer.front() != '/') throw bad_request("invalid JSON pointer \"" + pointer + "\"");
  std::vector<std::string> tokens(1);
  for (size_t at = 1; at < pointer.size(); ++at) {
    if (pointer[at] == '/') {
      tokens.emplace_back();
    } else if (pointer[at] == '~' && at + 1 < pointer.size()) {
      tokens.back() += pointer[++at] == '1' ? '/' : '~';
    } else {
      tokens.back() += pointer[at];
    }
  }
  return tokens;
}

// "-" and the size itself stand for the end, where an insertion is meant.
size_t array_index(const json::array& array, const std::string& token, bool insert) {
  if (token == "-" && insert) return array.size();
  bool digits = !token.empty() && token.size() < 10 && std::all_of(token.begin(), token.end(), ::isdigit);
  size_t index = digits ? std::stoul(token) : array.size() + 1;
  if (index > array.size() || (index == array.size() && !insert)) {
    throw does_not_fit("there is no array element \"" + token + "\"");
  }
  return index;
}

json::value& child(json::value& parent, const std::string& token) {
  if (json::array* array = parent.if_array()) return (*array)[array_index(*array, token, false)];
  Object* object = parent.if_object();
  json::value* found = object == nullptr ? nullptr : object->if_contains(token);
  if (found == nullptr) throw does_not_fit("there is no member \"" + token + "\"");
  return *found;
}

class JsonPatch {
 public:
  explicit JsonPatch(Object object) : document_(std::move(object)) {}

  void apply(const Object& operation) {
    std::string name = kube::text_at(operation, "op");
    std::vector<std::string> path = split_pointer(kube::text_at(operation, "path"));
    if (name == "add") {
      add(path, value_of(operation));
    } else if (name == "remove") {
      take(path);
    } else if (name == "replace") {
      at(path) = value_of(operation);
    } else if (name == "move") {
      add(path, take(split_pointer(kube::text_at(operation, "from"))));
    } else if (name == "copy") {
      add(path, json::value(at(split_pointer(kube::text_at(operation, "from")))));
    } else if (name == "test") {
      if (at(path) != value_of(operation)) {
        throw does_not_fit("testing path " + kube::text_at(operation, "path") + " failed");
      }
    } else {
      throw bad_request("unknown JSON patch operation \"" + name + "\"");
    }
  }

  Object result() {
    if (!document_.is_object()) throw does_not_fit("the result is not an object");
    return std::move(document_.get_object());
  }

 private:
  static json::value value_of(const Object& operation) {
    const json::value* value = operation.if_contains("value");
    if (value == nullptr) throw bad_request("a JSON patch operation lacks its value");
    return *value;
  }

  json::value& at(const std::vector<std::string>& path) {
    json::value* place = &document_;
    for (const std::string& token : path) place = &child(*place, token);
    return *place;
  }

  json::value& parent_of(std::vector<std::string> path) {
    path.pop_back();
    return at(path);
  }

  void add(const std::vector<std::string>& path, json::value value) {
    if (path.empty()) {
      document_ = std::move(value);
      return;
    }
    json::value& parent = parent_of(path);
    if (json::array* array = parent.if_array()) {
      array->insert(array->begin() + static_cast<std::ptrdiff_t>(array_index(*array, path.back(), true)),
                    std::move(value));
    } else if (Object* object = parent.if_object()) {
      (*object)[path.back()] = std::move(value);
    } else {
      throw does_not_fit("\"" + path.back() + "\" has a parent that is neither object nor array");
    }
  }

  json::value take(const std::vector<std::string>& path) {
    if (path.empty()) throw does_not_fit("the whole object cannot be removed");
    json::value& parent = parent_of(path);
    json::value taken = std::move(child(parent, path.back()));
    if (json::array* array = parent.if_array()) {
      array->erase(array->begin() + static_cast<std::ptrdiff_t>(array_index(*array, path.back(), false)));
    } else {
      parent.get_object().erase(path.back());
    }
    return taken;
  }

  json::value document_;
};

// --- Strategic merge ----------------------------------------------------------------------------------------------

// The patchMergeKey tags of the API's Go types; lists that are not here are replaced as a whole. PARENT is the field
// that contains the list: "ports" of a container and of a Service have different keys.
struct MergeKey {
  std::string_view list;
  std::string_view parent;  // empty: any
  std::string_view key;
};
constexpr MergeKey merge_keys[] = {
    {"containers", "", "name"},
    {"initContainers", "", "name"},
    {"ephemeralContainers", "", "name"},
    {"ports", "containers", "containerPort"},
    {"ports", "initContainers", "containerPort"},
    {"ports", "spec", "port"},
    {"env", "", "name"},
    {"volumes", "", "name"},
    {"volumeMounts", "", "mountPath"},
    {"volumeDevices", "", "devicePath"},
    {"imagePullSecrets", "", "name"},
    {"secrets", "", "name"},
    {"hostAliases", "", "ip"},
    {"topologySpreadConstraints", "", "topologyKey"},
    {"resourceClaims", "", "name"},
    {"conditions", "status", "type"},
    {"addresses", "status", "type"},
    {"podIPs", "", "ip"},
    {"hostIPs", "", "ip"},
    {"ownerReferences", "", "uid"},
};
// Lists of strings that are merged as sets.
constexpr std::string_view merged_sets[] = {"finalizers"};

bool is_directive(std::string_view key) {
  return key.starts_with("$");
}

json::value strategic(json::value target, const json::value& patch, std::string_view field);

// Elements that were never meant to be stored.
json::value without_directives(const json::value& value) {
  if (const json::array* array = value.if_array()) {
    json::array result;
    for (const json::value& element : *array) {
      if (element.is_object() && element.get_object().contains("$patch")) continue;
      result.push_back(without_directives(element));
    }
    return result;
  }
  if (const Object* object = value.if_object()) {
    Object result;
    for (const auto& [key, member] : *object) {
      if (!is_directive(key) && !member.is_null()) result[key] = without_directives(member);
    }
    return result;
  }
  return value;
}

json::array::iterator find_element(json::array& list, std::string_view key, const json::value& wanted) {
  return std::find_if(list.begin(), list.end(), [&](const json::value& element) {
    const json::value* value = element.is_object() ? element.get_object().if_contains(key) : nullptr;
    return value != nullptr && *value == wanted;
  });
}

json::array merge_list(json::array list, const json::array& patch, std::string_view field, std::string_view key) {
  for (const json::value& element : patch) {
    const Object* change = element.if_object();
    if (change == nullptr) throw bad_request("an element of \"" + std::string(field) + "\" is not an object");
    std::string directive = kube::text_at(*change, "$patch");
    if (directive == "replace") {
      json::value replacement = without_directives(patch);
      return std::move(replacement.get_array());
    }
    const json::value* id = change->if_contains(key);
    if (id == nullptr) {
      throw bad_request("map: " + json::serialize(element) +
                        " does not contain declared merge key: " + std::string(key));
    }
    auto found = find_element(list, key, *id);
    if (directive == "delete") {
      if (found != list.end()) list.erase(found);
    } else if (found == list.end()) {
      list.push_back(without_directives(element));
    } else {
      *found = strategic(std::move(*found), element, field);
    }
  }
  return list;
}

json::array merge_set(json::array list, const json::array& patch) {
  for (const json::value& element : patch) {
    if (std::find(list.begin(), list.end(), element) == list.end()) list.push_back(element);
  }
  return list;
}

void apply_delete_lists(Object& object, const Object& patch) {
  constexpr std::string_view prefix = "$deleteFromPrimitiveList/";
  for (const auto& [key, values] : patch) {
    if (!std::string_view(key).starts_with(prefix) || !values.is_array()) continue;
    json::value* list = object.if_contains(std::string_view(key).substr(prefix.size()));
    if (list == nullptr || !list->is_array()) continue;
    json::array kept;
    for (const json::value& element : list->get_array()) {
      const json::array& removed = values.get_array();
      if (std::find(removed.begin(), removed.end(), element) == removed.end()) kept.push_back(element);
    }
    *list = std::move(kept);
  }
}

// The order of elements that the patch names; those that it does not name keep their place behind them.
void apply_element_order(Object& object, const Object& patch, std::string_view parent) {
  constexpr std::string_view prefix = "$setElementOrder/";
  for (const auto& [key, order] : patch) {
    if (!std::string_view(key).starts_with(prefix) || !order.is_array()) continue;
    std::string_view name = std::string_view(key).substr(prefix.size());
    json::value* list = object.if_contains(name);
    if (list == nullptr || !list->is_array()) continue;
    std::string_view id = merge_key(name, parent);
    const json::array& wanted = order.get_array();
    auto rank = [&](const json::value& element) {
      for (size_t at = 0; at < wanted.size(); ++at) {
        if (wanted[at] == element) return at;
        const json::value* left = wanted[at].is_object() ? wanted[at].get_object().if_contains(id) : nullptr;
        const json::value* right = element.is_object() ? element.get_object().if_contains(id) : nullptr;
        if (left != nullptr && right != nullptr && *left == *right) return at;
      }
      return wanted.size();
    };
    std::vector<json::value> sorted(list->get_array().begin(), list->get_array().end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const json::value& left, const json::value& right) { return rank(left) < rank(right); });
    *list = json::array(sorted.begin(), sorted.end());
  }
}

void apply_retain_keys(Object& object, const Object& patch) {
  const json::value* retained = patch.if_contains("$retainKeys");
  if (retained == nullptr || !retained->is_array()) return;
  std::set<std::string> keep;
  for (const json::value& key : retained->get_array()) {
    if (key.is_string()) keep.emplace(key.get_string());
  }
  std::vector<std::string> drop;
  for (const auto& [key, value] : object) {
    if (keep.count(std::string(key)) == 0) drop.emplace_back(key);
  }
  for (const std::string& key : drop) object.erase(key);
}

json::value merge_member(json::value* old, const json::value& change, std::string_view key, std::string_view field) {
  if (change.is_array()) {
    std::string_view id = merge_key(key, field);
    json::array list;
    if (old != nullptr && old->is_array()) list = old->get_array();
    if (!id.empty()) return merge_list(std::move(list), change.get_array(), key, id);
    if (is_merged_set(key)) return merge_set(std::move(list), change.get_array());
    return without_directives(change);
  }
  return strategic(old == nullptr ? json::value() : *old, change, key);
}

// FIELD is the name of the field that TARGET is the value, or an element, of.
json::value strategic(json::value target, const json::value& patch, std::string_view field) {
  if (!patch.is_object()) return patch;
  const Object& changes = patch.get_object();
  std::string directive = kube::text_at(changes, "$patch");
  if (directive == "replace") return without_directives(patch);
  if (directive == "delete") return Object();
  if (!target.is_object()) target.emplace_object();
  Object& object = target.get_object();
  apply_delete_lists(object, changes);
  for (const auto& [key, change] : changes) {
    if (is_directive(key)) continue;
    if (change.is_null()) {
      object.erase(key);
    } else {
      json::value result = merge_member(object.if_contains(key), change, key, field);
      object[key] = std::move(result);
    }
  }
  apply_retain_keys(object, changes);
  apply_element_order(object, changes, field);
  return target;
}

Object as_object(json::value value) {
  if (!value.is_object()) throw bad_request("the patched object is not an object");
  return std::move(value.get_object());
}

}  // namespace

std::string_view merge_key(std::string_view list, std::string_view parent) {
  for (const MergeKey& entry : merge_keys) {
    if (entry.list == list && (entry.parent.empty() || entry.parent == parent)) return entry.key;
  }
  return {};
}

bool is_merged_set(std::string_view list) {
  return std::find(std::begin(merged_sets), std::end(merged_sets), list) != std::end(merged_sets);
}

Object merge_patch(Object object, const json::value& patch) {
  if (!patch.is_object()) throw bad_request("a merge patch must be an object");
  return as_object(merged(std::move(object), patch));
}

Object json_patch(Object object, const json::value& patch) {
  if (!patch.is_array()) throw bad_request("a JSON patch must be an array of operations");
  JsonPatch document(std::move(object));
  for (const json::value& operation : patch.get_array()) {
    if (!operation.is_object()) throw bad_request("an operation of a JSON patch must be an object");
    document.apply(operation.get_object());
  }
  return document.result();
}

Object strategic_merge_patch(Object object, const json::value& patch) {
  if (!patch.is_object()) throw bad_request("a strategic merge patch must be an object");
  return as_object(strategic(std::move(object), patch, ""));
}

}  // namespace apiserver
