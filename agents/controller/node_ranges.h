// Which part of the cluster's address range the pods of each node have.
#pragma once

#include <string>
#include <vector>

#include "agents/controller/change.h"
#include "agents/controller/pod_state.h"
#include "lib/netlink/address.h"

namespace controller {

// The cluster's range, cut into equal parts.
class ClusterRange {
 public:
  // "10.244.0.0/16" in parts of a /24 each. Throws base::Error where the parts are not smaller than the whole.
  ClusterRange(const std::string& cidr, unsigned part_length);

  // The lowest part that overlaps none of TAKEN; nullopt where all are taken.
  std::optional<netlink::Prefix> lowest_free(const std::vector<netlink::Prefix>& taken) const;

 private:
  netlink::Prefix range_;
  unsigned part_length_;
};

// The ranges of "10.244.0.0/16" or, dual-stack, "10.244.0.0/16,fd00::/48".
std::vector<ClusterRange> parse_cluster_ranges(const std::string& cidrs, unsigned part_length, unsigned part_length_v6);

// Gives nodes without a range the lowest free one; what a node has never changes. Reports nodes whose ranges overlap,
// and nodes for which there is none left.
Decision assign_ranges(const std::vector<ClusterRange>& ranges, const Nodes& nodes);

}  // namespace controller
