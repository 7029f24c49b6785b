// The Node object and the Lease by which a kubelet says that its node is there: their contents, as pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/kube/objects.h"

namespace nodelet {

struct NodeIdentity {
  std::string name;
  std::string address;
  bool control_plane = false;
  std::string pod_cidr = {};  // empty: the controller gives one
};

// Of the machine.
struct MachineFacts {
  std::string architecture;  // as Go names it: "amd64"
  std::string kernel_version;
  std::string os_image;
  std::string machine_id;
  std::string boot_id;
  unsigned cpus = 1;
  std::uint64_t memory_kib = 0;

  static MachineFacts read();
};

// Whether pods can be run.
struct Readiness {
  bool ready = false;
  std::string message;  // what is missing, where it is not

  bool operator==(const Readiness&) const = default;
};

// To be created. A control plane that is no worker keeps pods away by a taint.
boost::json::object node_object(const NodeIdentity& identity, const MachineFacts& facts, const Readiness& readiness);
// The strategic merge patch of nodes/status for a node that exists already. BEFORE are its conditions.
boost::json::object node_status_patch(const NodeIdentity& identity, const MachineFacts& facts,
                                      const Readiness& readiness, const std::vector<kube::Condition>& before);
// Whether NODE says it already.
bool is_reported(const kube::Node& node, const NodeIdentity& identity, const Readiness& readiness);

constexpr int lease_duration_seconds = 10;
// NODE_UID makes the Lease go with its Node; it may be empty.
boost::json::object lease_object(const std::string& node, const std::string& node_uid);
boost::json::object lease_renewal();

}  // namespace nodelet
