// The table of kinds: everything that the server knows about a kind of object stands in its one row.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kube/objects.h"
#include "lib/kube/resource.h"

namespace apiserver {

using kube::Object;
class Faults;

// One column of `kubectl get`. Those of priority 1 are shown with -o wide only.
struct Column {
  std::string name;
  boost::json::value (*cell)(const Object& object);
  int priority = 0;
  std::string type = "string";
};

struct Kind {
  kube::Resource resource;
  std::string singular;
  std::vector<std::string> short_names = {};
  bool has_status = false;    // a status subresource; status is then not writable by ordinary updates
  bool keeps_status = false;  // a status sent with a create is kept (Node, Namespace)
  bool has_scale = false;
  bool has_generation = false;  // metadata.generation counts changes of spec
  std::vector<std::string> other_subresources = {};
  // Fills in what the user left out. Null where there is nothing.
  void (*set_defaults)(Object& object) = nullptr;
  // OLD is null on create.
  void (*validate)(const Object& object, const Object* old, Faults& faults) = nullptr;
  std::vector<Column> columns = {};
  // For a second version of the same objects: where they are stored, and how they are converted.
  std::string stored_as = {};
  void (*to_stored)(Object& object) = nullptr;
  void (*from_stored)(Object& object) = nullptr;

  // "pods", "deployments.apps": as error messages name it.
  std::string qualified_name() const;
  // The name of its collection in the store.
  std::string collection() const { return stored_as.empty() ? qualified_name() : stored_as; }
};

const std::vector<Kind>& kinds();
// Null where there is none.
const Kind* find_kind(std::string_view group, std::string_view version, std::string_view plural);
const Kind& kind_of_collection(std::string_view collection);

}  // namespace apiserver
