// UDP has no end that the kernel could see: entries of the connection table go on sending packets to an endpoint that
// is gone as long as the client sends any. As kube-proxy does, those that lead from a Service to anything but one of
// its endpoints are deleted when endpoints change.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "agents/proxy/service_port.h"
#include "lib/netfilter/conntrack/conntrack.h"
#include "lib/netlink/address.h"

namespace proxy {

class StaleConnections {
 public:
  // Returns whether the UDP ports or their endpoints are others than the last time. NODE_ADDRESSES serve node ports.
  bool update(const std::vector<ServicePort>& ports, const std::vector<netlink::IpAddress>& node_addresses);
  bool is_stale(const netfilter::ConntrackEntry& entry) const;

 private:
  using Frontend = std::pair<netlink::IpAddress, std::uint16_t>;
  // → addresses of the endpoints that serve. A Service that has none is not here: its connections may come back to
  // life.
  std::map<Frontend, std::set<netlink::IpAddress>> endpoints_;
};

}  // namespace proxy
