#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <map>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

// Nothing, or what is wrong with SUBNET by itself.
std::string refuse_subnet(const Prefix& subnet) {
  if (subnet.length == 0) return "is the whole Internet, choose a part of it";
  std::string kind = unusable(subnet.address);
  return kind.empty() ? "" : fmt::format("is {}, choose another", kind);
}

void check_family(const std::optional<Located<Prefix>>& subnet, bool v6, Faults& faults) {
  if (!subnet || subnet->value.address.is_v6() == v6) return;
  faults.add(subnet->at, v6 ? "an IPv4 subnet, write it as subnet" : "an IPv6 subnet, write it as subnet6");
}

}  // namespace

std::vector<Located<Prefix>> subnets_of(const Network& network) {
  std::vector<Located<Prefix>> subnets;
  if (network.subnet) subnets.push_back(*network.subnet);
  if (network.subnet6) subnets.push_back(*network.subnet6);
  return subnets;
}

void check_host_bits(const Located<Prefix>& subnet, Faults& faults) {
  if (subnet.value.network() == subnet.value) return;
  faults.add(subnet.at, fmt::format("{} has host bits set, write {}", subnet.value.to_string(),
                                    subnet.value.network().to_string()));
}

std::string unusable(const IpAddress& address) {
  std::uint8_t first = address.bytes()[0];
  if (address.is_v6()) {
    if (first == 0xff) return "multicast";
    return address == *IpAddress::parse("::1") ? "loopback" : "";
  }
  if (first == 127) return "loopback";
  if (first >= 240) return "reserved";
  return first >= 224 ? "multicast" : "";
}

namespace {

// Subnets that do not overlap, in the order of their addresses, so that only neighbours can overlap another one.
class Taken {
 public:
  void add(const Located<Prefix>& subnet, const std::string& network, Faults& faults) {
    Prefix key = subnet.value.network();
    auto after = subnets_.lower_bound(key);
    auto other = subnets_.end();
    if (after != subnets_.begin() && std::prev(after)->first.overlaps(key)) other = std::prev(after);
    if (after != subnets_.end() && after->first.overlaps(key)) other = after;
    if (other == subnets_.end()) {
      subnets_.emplace_hint(after, key, Owner{network, subnet.at.line});
      return;
    }
    faults.add(subnet.at, fmt::format("subnet {} overlaps {} of network {} (line {}), choose another", key.to_string(),
                                      other->first.to_string(), other->second.network, other->second.line));
  }

 private:
  struct Owner {
    std::string network;
    unsigned line = 0;
  };
  std::map<Prefix, Owner> subnets_;
};

}  // namespace

namespace {

// The nodes that NETWORK's links are of, and the links: "a:wire".
struct Ends {
  std::vector<std::string> nodes;
  std::vector<std::string> links;
};

Ends ends_of(const Topology& topology, const Network& network) {
  Ends ends;
  for (const Node& node : topology.nodes) {
    for (const Link& link : node.links) {
      const auto* kind = std::get_if<NetworkLink>(&link.kind);
      if (kind == nullptr) continue;
      // Links are named after their network where they do not say.
      if ((kind->network.value.empty() ? link.name : kind->network.value) != network.name) continue;
      ends.nodes.push_back(node.name);
      ends.links.push_back(node.name + ":" + link.name);
    }
  }
  return ends;
}

void check_ends(const Topology& topology, const Network& network, Faults& faults) {
  if (network.kind != NetworkKind::point_to_point) return;
  Ends ends = ends_of(topology, network);
  size_t count = ends.links.size();
  if (count != 2) {
    std::string listed = count == 0 ? "none" : fmt::format("{} ({})", count, fmt::join(ends.links, ", "));
    const char* mend = count < 2 ? "attach two nodes" : "take some away, or let it be of kind bridge";
    faults.add(network.at, fmt::format("point-to-point network {} has exactly two links, and here it has {}: {}",
                                       network.name, listed, mend));
  } else if (ends.nodes[0] == ends.nodes[1]) {
    faults.add(network.at, fmt::format("point-to-point network {} leads from node {} to itself, attach another node",
                                       network.name, ends.nodes[0]));
  }
}

}  // namespace

void check_networks(const Topology& topology, Faults& faults) {
  Taken taken;
  for (const Network& network : topology.networks) {
    check_ends(topology, network, faults);
    check_family(network.subnet, false, faults);
    check_family(network.subnet6, true, faults);
    for (const Located<Prefix>& subnet : subnets_of(network)) {
      if (std::string refusal = refuse_subnet(subnet.value); !refusal.empty()) {
        faults.add(subnet.at, fmt::format("{} {}", subnet.value.to_string(), refusal));
        continue;
      }
      check_host_bits(subnet, faults);
      taken.add(subnet, network.name, faults);
    }
  }
}

}  // namespace topology
