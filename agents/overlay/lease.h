// What a node tells the others about itself: which pods are behind which address, and how they are reached. It stands
// in the annotations of its Node, where flannel's Kubernetes subnet manager keeps it.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "lib/kube/objects.h"
#include "lib/netlink/address.h"

namespace overlay {

struct Lease {
  std::string node;
  netlink::Prefix subnet;        // of the node's pods
  netlink::IpAddress public_ip;  // where the node is reached
  std::string backend_type;      // "vxlan", "udp", "host-gw"
  std::string backend_data;      // JSON, as the backend wants it: {"VNI":1,"VtepMAC":"…"}; "null" for none

  bool operator==(const Lease&) const = default;
};

// Nothing where the node has no subnet yet, or no overlay has announced itself there.
std::optional<Lease> lease_of(const kube::Node& node);
// An administrator's word on where NODE is reached; it is stronger than the interface's address.
std::optional<netlink::IpAddress> public_ip_overwrite(const kube::Node& node);
// What an overlay on NODE announced the last time; empty where none did.
std::string announced_backend_data(const kube::Node& node);

// The strategic merge patch of nodes/status by which an overlay announces itself, and that the network is up.
boost::json::value announcement(const Lease& own);
// NODE says all of it already.
bool is_announced(const kube::Node& node, const Lease& own);

}  // namespace overlay
