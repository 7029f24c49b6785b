#include "agents/proxy/node.h"

#include <optional>
#include <set>

#include "lib/netlink/link.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"

namespace proxy {

using netlink::IpAddress;
using netlink::Prefix;

bool is_node_address(const IpAddress& address, Family family) {
  static const Prefix loopback = *Prefix::parse("127.0.0.0/8");
  static const Prefix loopback6 = *Prefix::parse("::1/128");
  static const Prefix link_local6 = *Prefix::parse("fe80::/10");
  return family_of(address) == family && !loopback.contains(address) && !loopback6.contains(address) &&
         !link_local6.contains(address);
}

std::vector<IpAddress> node_addresses(netlink::Socket& routes, Family family, const std::string& except) {
  std::optional<netlink::LinkInfo> excepted = except.empty() ? std::nullopt : netlink::find_link(routes, except);
  std::set<IpAddress> addresses;
  for (const netlink::AddressInfo& info : netlink::list_addresses(routes)) {
    bool left_out = excepted && info.link == excepted->index;
    if (!left_out && is_node_address(info.address.address, family)) addresses.insert(info.address.address);
  }
  return {addresses.begin(), addresses.end()};
}

void warn_of_bridges(std::ostream& log) {
  const char* const name = "net.bridge.bridge-nf-call-iptables";
  if (netlink::has_sysctl(name) && netlink::read_sysctl(name) == "1") return;
  log << "proxy: sysctl " << name << " is not 1: a pod may not reach a Service whose endpoint is on the same bridge"
      << std::endl;
}

}  // namespace proxy
