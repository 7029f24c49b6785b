// What every mode needs to know of the node, and of how it is to be programmed, for one family of addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/proxy/mode.h"
#include "agents/proxy/options.h"
#include "agents/proxy/service_port.h"
#include "lib/netlink/address.h"

namespace proxy {

struct Settings {
  Family family = Family::ipv4;
  bool masquerade_all = false;
  std::uint32_t masquerade_mark = 1U << 14;
  // Of the pods. What comes from elsewhere is masqueraded on its way to a cluster IP.
  std::optional<netlink::Prefix> cluster_cidr;
  std::vector<netlink::Prefix> node_port_addresses;  // empty: every address of the node
};

struct NodeView {
  std::string zone;
  std::optional<netlink::IpAddress> ip;
  // All but loopback's, link-local ones, and those that the proxy itself has bound.
  std::vector<netlink::IpAddress> addresses;
};

Settings settings_of(const Options& options, const ClusterView& cluster, Family family);
NodeView node_view(const ClusterView& cluster, std::vector<netlink::IpAddress> addresses, Family family);

}  // namespace proxy
