#include "agents/proxy/stale_connection_remover.h"

#include <sys/socket.h>

#include <string>

namespace proxy {

void StaleConnectionRemover::update(const std::vector<ServicePort>& ports,
                                    const std::vector<netlink::IpAddress>& node_addresses, Report& report) {
  bool changed = stale_.update(ports, node_addresses);
  if (!changed && !waiting_) return;
  waiting_ = !report.attempt([&] {
    size_t count = remove();
    if (count > 0) report.changes.push_back("deleted " + std::to_string(count) + " stale UDP connections");
  });
}

size_t StaleConnectionRemover::remove() {
  if (!connections_) connections_.emplace();
  return connections_->remove_if([this](const netfilter::ConntrackEntry& entry) { return stale_.is_stale(entry); },
                                 family_ == Family::ipv4 ? AF_INET : AF_INET6);
}

}  // namespace proxy
