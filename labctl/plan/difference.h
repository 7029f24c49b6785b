// What has to be done so that a lab made from one plan becomes that of another. A pure function of the two: an object
// is recognized by its identity ("alice: address 10.0.0.1/24 on lan"), and has changed where its content has, as
// `labctl plan --json` says it.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "labctl/plan/plan.h"

namespace plan {

// AFTER alone: it is created; BEFORE alone: it is removed; both: it is changed.
template <class Object>
struct Change {
  std::optional<Object> before;
  std::optional<Object> after;
};
using OperationChange = Change<Operation>;
using ProcessChange = Change<Process>;

// A Kubernetes object by its kind, namespace and name.
struct ManifestChange {
  std::string name;  // "Service default/web"
  std::optional<boost::json::object> before;
  std::optional<boost::json::object> after;
};

struct Difference {
  std::vector<std::string> created_nodes;
  std::vector<std::string> removed_nodes;
  // What can only be changed by building the node anew, as a restart does; with the reasons.
  std::map<std::string, std::vector<std::string>> rebuilt_nodes;
  // In the order in which they are to be executed: what is removed comes first, last of all made first. Of nodes that
  // are created, removed or rebuilt they are listed as well, but done with the node.
  std::vector<OperationChange> operations;
  std::vector<ProcessChange> processes;
  std::vector<ManifestChange> manifests;
  bool hosts = false;  // the names in /etc/hosts
  // Why it cannot be done in a running lab at all, one sentence each.
  std::vector<std::string> refusals;

  bool empty() const;
  // Whether what concerns NODE happens as part of its creation, removal or rebuilding.
  bool is_done_with_node(const std::string& node) const;
};

// The objects of a topology's manifests: those written in it, and those of FILES (path → a List as JSON).
std::vector<boost::json::object> manifest_objects(const topology::Topology& topology,
                                                  const std::map<std::string, std::string>& files);

// What a lab is made from.
struct Description {
  topology::Topology topology;
  Plan plan;
  std::vector<boost::json::object> manifests;
};

Difference difference(const Description& before, const Description& after);

// What is there after only the operations and processes whose identities are in DONE were done: so that the rest is
// found by comparing again.
Plan partly_done(const Plan& before, const Plan& after, const std::vector<std::string>& done);

// {"changes": [{"action": "create" | "change" | "remove" | "restart", "object": "alice: link lan", "details": […]}],
// "refusals": […]}; a restarted node's details are the reasons.
boost::json::object to_json(const Difference& difference);

}  // namespace plan
