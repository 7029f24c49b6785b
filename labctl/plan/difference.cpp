#include "labctl/plan/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "labctl/plan/describe.h"
#include "labctl/plan/identity.h"

namespace plan {
namespace {

namespace json = boost::json;

template <class Object>
std::map<std::string, const Object*> by_identity(const std::vector<Object>& objects) {
  std::map<std::string, const Object*> all;
  for (const Object& object : objects) all.emplace(identity_of(object), &object);
  return all;
}

bool is_same(const Operation& before, const Operation& after) {
  return operation_json(before) == operation_json(after);
}
bool is_same(const Process& before, const Process& after) {
  return process_json(before) == process_json(after);
}

// First what is removed, the last of it first; then what is made or changed, in the order of AFTER.
template <class Object>
std::vector<Change<Object>> changes_of(const std::vector<Object>& before, const std::vector<Object>& after) {
  std::map<std::string, const Object*> old = by_identity(before), now = by_identity(after);
  std::vector<Change<Object>> changes;
  for (auto it = before.rbegin(); it != before.rend(); ++it) {
    if (!now.contains(identity_of(*it))) changes.push_back({*it, std::nullopt});
  }
  for (const Object& it : after) {
    auto found = old.find(identity_of(it));
    if (found == old.end()) {
      changes.push_back({std::nullopt, it});
    } else if (!is_same(*found->second, it)) {
      changes.push_back({*found->second, it});
    }
  }
  return changes;
}

std::set<std::string> nodes_of(const Plan& plan) {
  std::set<std::string> nodes;
  for (const Operation& operation : plan.operations) {
    if (std::holds_alternative<CreateNode>(operation)) nodes.insert(node_of(operation));
  }
  return nodes;
}

const Process* nodelet_of(const Plan& plan, const std::string& node) {
  for (const Process& process : plan.processes) {
    if (process.name == "nodelet" && process.node == node) return &process;
  }
  return nullptr;
}

std::string pod_range_of(const Process& nodelet) {
  for (const std::string& argument : nodelet.arguments) {
    if (argument.starts_with("--pod-cidr=")) return argument.substr(argument.find('=') + 1);
  }
  return {};
}

class Comparison {
 public:
  Comparison(const Description& before, const Description& after) : before_(before), after_(after) {}

  Difference compare() {
    refuse_what_cannot_be();
    compare_nodes();
    result_.operations = changes_of(before_.plan.operations, after_.plan.operations);
    result_.processes = changes_of(before_.plan.processes, after_.plan.processes);
    result_.hosts = before_.plan.hosts != after_.plan.hosts;
    find_rebuilt_nodes();
    refuse_wires_that_change();
    compare_manifests();
    return std::move(result_);
  }

 private:
  void refuse_if(bool cannot, const std::string& why) {
    if (cannot) result_.refusals.push_back(why);
  }

  void refuse_what_cannot_be() {
    auto mounts = [](const topology::Topology& topology) {
      std::set<std::tuple<std::string, std::string, bool>> all;
      for (const topology::Mount& it : topology.mounts) all.emplace(it.source, it.target, it.writable);
      return all;
    };
    refuse_if(mounts(before_.topology) != mounts(after_.topology),
              "mounts: what a lab sees of the host is settled when it starts");
    const auto &old = before_.topology.cluster, &now = after_.topology.cluster;
    refuse_if(old.has_value() != now.has_value(), "cluster: a running lab can neither become one nor cease to be one");
    if (!old || !now) return;
    auto refuse_other = [&](const char* key, const std::string& was, const std::string& is) {
      refuse_if(was != is, fmt::format("cluster: {} {} cannot become {} while the cluster runs", key, was, is));
    };
    refuse_other("controlPlane", old->control_plane.value, now->control_plane.value);
    refuse_other("network", old->network.value, now->network.value);
    refuse_other("podCIDR", old->pod_cidr.value.to_string(), now->pod_cidr.value.to_string());
    refuse_other("serviceCIDR", old->service_cidr.value.to_string(), now->service_cidr.value.to_string());
    refuse_moved_pod_ranges();
  }

  // A node's range is part of its object in the API, and cannot be changed there.
  void refuse_moved_pod_ranges() {
    for (const Process& nodelet : after_.plan.processes) {
      if (nodelet.name != "nodelet") continue;
      const Process* before = nodelet_of(before_.plan, nodelet.node);
      if (before == nullptr || pod_range_of(*before) == pod_range_of(nodelet)) continue;
      result_.refusals.push_back(
          fmt::format("cluster: the pods of {} would move from {} to {}; add workers at the end "
                      "of the list, and remove them there",
                      nodelet.node, pod_range_of(*before), pod_range_of(nodelet)));
    }
  }

  void compare_nodes() {
    std::set<std::string> old = nodes_of(before_.plan), now = nodes_of(after_.plan);
    std::set_difference(now.begin(), now.end(), old.begin(), old.end(), std::back_inserter(result_.created_nodes));
    std::set_difference(old.begin(), old.end(), now.begin(), now.end(), std::back_inserter(result_.removed_nodes));
    std::set_intersection(old.begin(), old.end(), now.begin(), now.end(), std::inserter(kept_, kept_.end()));
  }

  void find_rebuilt_nodes() {
    for (const OperationChange& it : result_.operations) {
      const std::string& node = node_of(it.after ? *it.after : *it.before);
      if (!kept_.contains(node)) continue;
      if (it.before && it.after && !changes_in_place(*it.before, *it.after)) {
        rebuild(node, object_of(*it.after) + " changes");
      } else if (!it.after && !is_removed_in_place(*it.before)) {
        rebuild(node, object_of(*it.before) + " is removed");
      }
    }
    for (const std::string& node : kept_) {
      bool was = nodelet_of(before_.plan, node) != nullptr, is = nodelet_of(after_.plan, node) != nullptr;
      if (was != is) rebuild(node, is ? "it joins the cluster" : "it leaves the cluster");
    }
  }

  // Its other end is in another node, which would lose what it has on it.
  void refuse_wires_that_change() {
    for (const OperationChange& it : result_.operations) {
      const auto* wire = std::get_if<CreateWire>(it.after ? &*it.after : &*it.before);
      if (wire == nullptr) continue;
      bool is_changed = it.before && it.after;
      bool is_at_rebuilt =
          result_.rebuilt_nodes.contains(wire->node) || result_.rebuilt_nodes.contains(wire->peer_node);
      refuse_if(
          is_changed || is_at_rebuilt,
          fmt::format("the cable between {} and {} cannot be made another one {}; first apply the topology without "
                      "it, then with the new one",
                      wire->node, wire->peer_node, is_changed ? "in place" : "while one of them is restarted"));
    }
  }

  void rebuild(const std::string& node, const std::string& why) { result_.rebuilt_nodes[node].push_back(why); }

  void compare_manifests() {
    std::map<std::string, const json::object*> old = by_name(before_.manifests), now = by_name(after_.manifests);
    for (const auto& [name, object] : old) {
      if (!now.contains(name)) result_.manifests.push_back({name, *object, std::nullopt});
    }
    remove_nodes_of_cluster();
    for (const auto& [name, object] : now) {
      auto found = old.find(name);
      if (found == old.end()) {
        result_.manifests.push_back({name, std::nullopt, *object});
      } else if (*found->second != *object) {
        result_.manifests.push_back({name, *found->second, *object});
      }
    }
  }

  // What the API knows of a node that is gone.
  void remove_nodes_of_cluster() {
    for (const Process& process : before_.plan.processes) {
      if (process.name != "nodelet" || nodelet_of(after_.plan, process.node) != nullptr) continue;
      json::object node{{"apiVersion", "v1"}, {"kind", "Node"}, {"metadata", {{"name", process.node}}}};
      result_.manifests.push_back({"Node " + process.node, std::move(node), std::nullopt});
    }
  }

  static std::map<std::string, const json::object*> by_name(const std::vector<json::object>& objects) {
    std::map<std::string, const json::object*> all;
    for (const json::object& object : objects) {
      json::value value(object);
      boost::system::error_code absent;
      auto text = [&](const char* pointer) {
        const json::value* found = value.find_pointer(pointer, absent);
        return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
      };
      std::string space = text("/metadata/namespace"), name = text("/metadata/name");
      // One whose name the API server makes up is known by all that it says.
      if (name.empty()) name = json::serialize(object);
      all.emplace(text("/kind") + " " + (space.empty() ? "" : space + "/") + name, &object);
    }
    return all;
  }

  const Description& before_;
  const Description& after_;
  std::set<std::string> kept_;
  Difference result_;
};

// ---- how it is said

std::string short_text(const json::value& value) {
  if (value.is_string()) {
    std::string text(value.as_string());
    std::size_t line = text.find('\n');  // of a file or a script the first line will do
    return line == std::string::npos ? text : text.substr(0, line) + " …";
  }
  if (!value.is_object()) return json::serialize(value);
  std::string text;  // {"server": "10.0.0.2:80", "weight": 1} → "10.0.0.2:80 weight 1"
  for (const auto& member : value.as_object()) {
    text +=
        text.empty() ? short_text(member.value()) : " " + std::string(member.key()) + " " + short_text(member.value());
  }
  return text;
}

bool contains(const json::array& list, const json::value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string list_changed(const json::array& before, const json::array& after) {
  std::string text;
  for (const json::value& value : before) {
    if (!contains(after, value)) text += (text.empty() ? "" : ", ") + ("without " + short_text(value));
  }
  for (const json::value& value : after) {
    if (!contains(before, value)) text += (text.empty() ? "" : ", ") + ("with " + short_text(value));
  }
  return text.empty() ? "in another order" : text;
}

std::string line_of(const json::array& words) {
  std::string text;
  for (const json::value& word : words) text += (text.empty() ? "" : " ") + short_text(word);
  return text;
}

// A long command would hide the word that differs.
std::string command_changed(const json::array& before, const json::array& after) {
  constexpr std::size_t shown = 100;
  std::string text = line_of(before) + " → " + line_of(after);
  return "command " + (text.size() <= shown ? text : list_changed(before, after));
}

std::string field_changed(const std::string& name, const json::value* before, const json::value* after) {
  if (before != nullptr && after != nullptr && before->is_array() && after->is_array()) {
    if (name == "arguments") return command_changed(before->as_array(), after->as_array());
    return name + " " + list_changed(before->as_array(), after->as_array());
  }
  auto text = [](const json::value* value) { return value == nullptr ? "not set" : short_text(*value); };
  return name + " " + text(before) + " → " + text(after);
}

// "mtu 1500 → 1400", for each field that differs, "spec.replicas" of those inside; lists by what comes and what goes.
std::vector<std::string> fields_changed(const json::object& before, const json::object& after,
                                        const std::string& path = {}) {
  std::vector<std::string> texts;
  for (const auto& member : before) {
    const json::value *was = &member.value(), *is = after.if_contains(member.key());
    if (is != nullptr && *is == *was) continue;
    std::string name = path + std::string(member.key());
    if (is != nullptr && is->is_object() && was->is_object()) {
      for (std::string& text : fields_changed(was->as_object(), is->as_object(), name + ".")) texts.push_back(text);
    } else {
      texts.push_back(field_changed(name, was, is));
    }
  }
  for (const auto& member : after) {
    if (before.contains(member.key())) continue;
    texts.push_back(field_changed(path + std::string(member.key()), nullptr, &member.value()));
  }
  return texts;
}

const char* action_of(bool before, bool after) {
  return before && after ? "change" : before ? "remove" : "create";
}

json::object change_json(const char* action, const std::string& object, const std::vector<std::string>& details) {
  return {{"action", action}, {"object", object}, {"details", json::array(details.begin(), details.end())}};
}

std::vector<std::string> details_of(const OperationChange& it) {
  if (!it.before || !it.after) return {};
  return fields_changed(operation_json(*it.before), operation_json(*it.after));
}
std::vector<std::string> details_of(const ProcessChange& it) {
  if (!it.before || !it.after) return {};
  return fields_changed(process_json(*it.before), process_json(*it.after));
}

bool is_implied(const ProcessChange&) {
  return false;
}
bool is_implied(const OperationChange& it) {
  return plan::is_implied(it.after ? *it.after : *it.before);
}
const std::string& node_of(const OperationChange& it) {
  return plan::node_of(it.after ? *it.after : *it.before);
}
const std::string& node_of(const ProcessChange& it) {
  return it.after ? it.after->node : it.before->node;
}

}  // namespace

bool Difference::empty() const {
  return operations.empty() && processes.empty() && manifests.empty() && !hosts && refusals.empty();
}

bool Difference::is_done_with_node(const std::string& node) const {
  return rebuilt_nodes.contains(node) ||
         std::find(removed_nodes.begin(), removed_nodes.end(), node) != removed_nodes.end();
}

std::vector<json::object> manifest_objects(const topology::Topology& topology,
                                           const std::map<std::string, std::string>& files) {
  std::vector<json::object> objects;
  for (const topology::Manifest& manifest : topology.manifests) {
    if (manifest.path.empty()) {
      objects.push_back(json::parse(manifest.json).as_object());
      continue;
    }
    json::value list = json::parse(files.at(manifest.path));
    for (json::value& item : list.as_object().at("items").as_array()) objects.push_back(std::move(item.as_object()));
  }
  return objects;
}

Difference difference(const Description& before, const Description& after) {
  return Comparison(before, after).compare();
}

namespace {

template <class Object>
std::vector<Object> partly(const std::vector<Object>& before, const std::vector<Object>& after,
                           const std::set<std::string>& done) {
  std::map<std::string, const Object*> old = by_identity(before), now = by_identity(after);
  std::vector<Object> objects;
  for (const Object& it : after) {
    auto found = old.find(identity_of(it));
    if (done.contains(identity_of(it))) {
      objects.push_back(it);
    } else if (found != old.end()) {
      objects.push_back(*found->second);
    }
  }
  for (const Object& it : before) {
    if (!now.contains(identity_of(it)) && !done.contains(identity_of(it))) objects.push_back(it);
  }
  return objects;
}

}  // namespace

Plan partly_done(const Plan& before, const Plan& after, const std::vector<std::string>& done) {
  std::set<std::string> all(done.begin(), done.end());
  Plan plan = after;
  plan.operations = partly(before.operations, after.operations, all);
  plan.processes = partly(before.processes, after.processes, all);
  return plan;
}

json::object to_json(const Difference& difference) {
  json::array changes;
  auto is_removed = [&](const std::string& node) {
    const auto& removed = difference.removed_nodes;
    return std::find(removed.begin(), removed.end(), node) != removed.end();
  };
  auto add = [&](const auto& all) {
    for (const auto& it : all) {
      if (is_implied(it)) continue;
      std::string object = identity_of(it.after ? *it.after : *it.before);
      // All that a removed node has goes with it.
      if (is_removed(node_of(it)) && !object.starts_with("node ")) continue;
      changes.push_back(change_json(action_of(it.before.has_value(), it.after.has_value()), object, details_of(it)));
    }
  };
  for (const auto& [node, why] : difference.rebuilt_nodes)
    changes.push_back(change_json("restart", "node " + node, why));
  add(difference.operations);
  add(difference.processes);
  for (const ManifestChange& it : difference.manifests) {
    std::vector<std::string> details;
    if (it.before && it.after) details = fields_changed(*it.before, *it.after);
    changes.push_back(change_json(action_of(it.before.has_value(), it.after.has_value()), it.name, details));
  }
  const auto& refusals = difference.refusals;
  return {{"changes", std::move(changes)}, {"refusals", json::array(refusals.begin(), refusals.end())}};
}

}  // namespace plan
