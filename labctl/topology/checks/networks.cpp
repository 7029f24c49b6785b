#include <fmt/format.h>

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

void check_networks(const Topology& topology, Faults& faults) {
  Taken taken;
  for (const Network& network : topology.networks) {
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
