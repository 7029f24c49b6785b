#include "agents/controller/node_ranges.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <sstream>

#include "lib/base/error.h"

namespace controller {
namespace {

using netlink::Prefix;

constexpr const char* component = "cidrAllocator";

std::vector<Prefix> ranges_of(const kube::Node& node) {
  std::vector<std::string> texts = node.pod_cidrs;
  if (texts.empty() && !node.pod_cidr.empty()) texts.push_back(node.pod_cidr);
  std::vector<Prefix> ranges;
  for (const std::string& text : texts) {
    if (auto range = Prefix::parse(text)) ranges.push_back(*range);
  }
  return ranges;
}

bool any_overlap(const std::vector<Prefix>& left, const std::vector<Prefix>& right) {
  return std::any_of(left.begin(), left.end(), [&](const Prefix& one) {
    return std::any_of(right.begin(), right.end(), [&](const Prefix& other) { return one.overlaps(other); });
  });
}

std::string joined(const std::vector<Prefix>& ranges) {
  std::string text;
  for (const Prefix& range : ranges) text += (text.empty() ? "" : ", ") + range.to_string();
  return text;
}

Change warning(const kube::Node& node, const std::string& reason, const std::string& message) {
  Change change = report("node " + node.metadata.name + ": " + message);
  change.event = event_about(kube::resources::nodes, node.metadata, component, "Warning", reason, message);
  return change;
}

Change assignment(const kube::Node& node, const std::vector<Prefix>& parts) {
  boost::json::array texts;
  for (const Prefix& part : parts) texts.emplace_back(part.to_string());
  Object spec{{"podCIDR", texts.front()}, {"podCIDRs", texts}};
  return patch(kube::resources::nodes, node.metadata, {{"spec", std::move(spec)}},
               "node " + node.metadata.name + ": give its pods the addresses " + joined(parts));
}

void report_collisions(const Nodes& nodes, Decision& decision) {
  for (auto one = nodes.begin(); one != nodes.end(); ++one) {
    std::vector<Prefix> ranges = ranges_of(one->second);
    for (auto other = nodes.begin(); other != one && !ranges.empty(); ++other) {
      if (!any_overlap(ranges, ranges_of(other->second))) continue;
      decision.changes.push_back(
          warning(one->second, "CIDRCollision",
                  "its pod addresses " + joined(ranges) + " collide with those of node " + other->first));
    }
  }
}

}  // namespace

ClusterRange::ClusterRange(const std::string& cidr, unsigned part_length) : part_length_(part_length) {
  auto range = Prefix::parse(cidr);
  if (!range) throw base::Error("\"" + cidr + "\" is not an address range like 10.244.0.0/16");
  range_ = range->network();
  if (part_length < range_.length || part_length > range_.address.bits()) {
    throw base::Error("the range " + cidr + " cannot be cut into parts of /" + std::to_string(part_length));
  }
}

std::optional<Prefix> ClusterRange::lowest_free(const std::vector<Prefix>& taken) const {
  uint64_t count = uint64_t{1} << std::min(part_length_ - range_.length, 16u);
  for (uint64_t number = 0; number < count; ++number) {
    Prefix candidate = range_.part(part_length_, number);
    if (!any_overlap({candidate}, taken)) return candidate;
  }
  return std::nullopt;
}

std::vector<ClusterRange> parse_cluster_ranges(const std::string& cidrs, unsigned part_length,
                                               unsigned part_length_v6) {
  std::vector<ClusterRange> ranges;
  std::istringstream words(cidrs);
  for (std::string cidr; std::getline(words, cidr, ',');) {
    bool ipv6 = cidr.find(':') != std::string::npos;
    ranges.emplace_back(cidr, ipv6 ? part_length_v6 : part_length);
  }
  return ranges;
}

Decision assign_ranges(const std::vector<ClusterRange>& ranges, const Nodes& nodes) {
  Decision decision;
  decision.independent = true;
  std::vector<Prefix> taken;
  for (const auto& [name, node] : nodes) {
    for (const Prefix& range : ranges_of(node)) taken.push_back(range);
  }
  for (const auto& [name, node] : nodes) {
    if (!ranges_of(node).empty() || node.metadata.deletion_timestamp) continue;
    std::vector<Prefix> parts;
    for (const ClusterRange& range : ranges) {
      auto part = range.lowest_free(taken);
      if (part) parts.push_back(*part);
    }
    if (parts.size() < ranges.size() || parts.empty()) {
      decision.changes.push_back(warning(node, "CIDRNotAvailable", "the cluster's pod addresses are used up"));
      continue;
    }
    taken.insert(taken.end(), parts.begin(), parts.end());
    decision.changes.push_back(assignment(node, parts));
  }
  report_collisions(nodes, decision);
  return decision;
}

}  // namespace controller
