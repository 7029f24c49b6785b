// Deletes the stale connections of the calling process's network namespace.
#pragma once

#include <optional>
#include <vector>

#include "agents/proxy/report.h"
#include "agents/proxy/stale_connections.h"

namespace proxy {

class StaleConnectionRemover {
 public:
  explicit StaleConnectionRemover(Family family) : family_(family) {}

  // Looks through the connection table where the UDP ports or their endpoints have changed. To be called once the
  // kernel leads new connections to the right endpoints. NODE_ADDRESSES serve node ports.
  void update(const std::vector<ServicePort>& ports, const std::vector<netlink::IpAddress>& node_addresses,
              Report& report);

 private:
  size_t remove();

  Family family_;
  StaleConnections stale_;
  bool waiting_ = false;                             // those of an earlier change could not be deleted
  std::optional<netfilter::Conntrack> connections_;  // opened when it is first needed
};

}  // namespace proxy
