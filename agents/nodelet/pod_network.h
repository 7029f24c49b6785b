// What this node's pods are connected to, once it is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/netlink/address.h"

namespace nodelet {

struct PodNetwork {
  netlink::Prefix subnet;
  std::optional<std::uint32_t> mtu;

  netlink::Prefix gateway() const { return {subnet.network().address.plus(1), subnet.length}; }
  bool operator==(const PodNetwork&) const = default;
};

// Either the network, or the words that say what is missing.
struct NetworkState {
  std::optional<PodNetwork> network;
  std::string missing;
};

// POD_CIDR is that of the Node, READY_FILE the text of the overlay's subnet.env: FLANNEL_SUBNET, FLANNEL_MTU. Without
// an overlay (WANTS_FILE false) the Node's word is enough.
NetworkState pod_network(const std::string& pod_cidr, bool wants_file, const std::optional<std::string>& ready_file);

}  // namespace nodelet
