// What every mode looks up on the node that it runs on.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/service_port.h"
#include "lib/netlink/address.h"
#include "lib/netlink/socket.h"

namespace proxy {

// Whether ADDRESS is of FAMILY, and neither loopback's nor link-local.
bool is_node_address(const netlink::IpAddress& address, Family family);

// As NodeView has them; those of the link EXCEPT are left out.
std::vector<netlink::IpAddress> node_addresses(netlink::Socket& routes, Family family, const std::string& except = {});

// Without bridge-nf-call-iptables, pods of one bridge answer each other past the rules that turn an answer back, and a
// client refuses it.
void warn_of_bridges(std::ostream& log);

}  // namespace proxy
