// A learning Ethernet switch. Its ports are the links that name it as their master.
#pragma once

#include <optional>
#include <vector>

#include "lib/netlink/link.h"

namespace netlink {

enum class VlanFiltering { off, on };

// Without spanning tree, and without multicast snooping: it floods, as a plain switch does, and forwards at once.
void create_bridge(Socket& socket, const NewLink& link, VlanFiltering filtering = VlanFiltering::off);

// The VLANs of a port of a bridge that filters them.
struct PortVlans {
  std::optional<std::uint16_t> untagged;  // frames without a tag belong to it, and its own leave without one
  std::vector<std::uint16_t> tagged;

  bool empty() const { return !untagged && tagged.empty(); }
};
// Whose VLANs: those of a port, or those of the bridge itself, by which its own addresses are reached.
enum class VlansOf { port, bridge };
// Instead of VLAN 1, which every port has at first.
void set_port_vlans(Socket& socket, const std::string& name, const PortVlans& vlans, VlansOf whose = VlansOf::port);

}  // namespace netlink
