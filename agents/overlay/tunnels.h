// From leases to what the tables of a VXLAN device must hold: a pure function, and the differences between two states.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/overlay/lease.h"
#include "lib/netlink/address.h"

namespace overlay {

// The way to one other node. Its pods are routed via the node's own address in the overlay, which is the first of its
// subnet; that address is at the node's VTEP's MAC; frames for that MAC go to the node's public address.
struct Tunnel {
  std::string node;
  netlink::Prefix subnet;
  netlink::MacAddress mac;
  netlink::IpAddress public_ip;

  const netlink::IpAddress& gateway() const { return subnet.address; }
};

struct Tunnels {
  std::vector<Tunnel> tunnels;
  std::vector<std::string> refused;  // why, lease by lease
};

// Leases of another backend or VNI are refused, and so are those that contradict one before them: two nodes of one
// subnet, or of one MAC.
Tunnels tunnels_of(const std::vector<Lease>& leases, std::uint32_t vni);

// The annotation backend-data: {"VNI":1,"VtepMAC":"ea:5f:…"}.
std::string vxlan_data(std::uint32_t vni, const netlink::MacAddress& mac);
std::optional<netlink::MacAddress> vtep_mac(const std::string& data);

// What the kernel's tables hold for one VXLAN device.
struct Forwarding {
  std::map<netlink::IpAddress, netlink::MacAddress> neighbours;
  std::map<netlink::MacAddress, netlink::IpAddress> entries;  // the forwarding database: MAC to tunnel end point
  std::map<netlink::Prefix, netlink::IpAddress> routes;       // destination to gateway

  bool operator==(const Forwarding&) const = default;
};
Forwarding forwarding_for(const std::vector<Tunnel>& tunnels);
// What stands in OLD and, by its key, no longer in WANTED.
Forwarding outdated(const Forwarding& old, const Forwarding& wanted);

}  // namespace overlay
