// The names of kube-proxy's chains for a Service's port and its endpoints: hashes, since a chain's name has 28
// characters.
#pragma once

#include <string>
#include <vector>

#include "agents/proxy/service_port.h"

namespace proxy::iptables {

// "10.244.1.2:8080", "[fd00::2]:8080"
std::string place(const Endpoint& endpoint);

std::string cluster_chain(const ServicePort& port);   // "KUBE-SVC-…": to any endpoint
std::string local_chain(const ServicePort& port);     // "KUBE-SVL-…": to those on this node
std::string external_chain(const ServicePort& port);  // "KUBE-EXT-…": what comes by an address of the outside
std::string firewall_chain(const ServicePort& port);  // "KUBE-FW-…": who may use the load balancer's addresses
std::string endpoint_chain(const ServicePort& port, const Endpoint& endpoint);  // "KUBE-SEP-…": to this one

// How all of them begin.
const std::vector<std::string>& chain_prefixes();

}  // namespace proxy::iptables
