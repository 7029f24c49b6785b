// Which pods stand behind a Service, and how ready they are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/controller/pod_state.h"
#include "lib/kube/objects.h"

namespace controller {

using Ports = std::vector<kube::EndpointPort>;
using Endpoints = std::vector<kube::Endpoint>;

// The pods that SERVICE selects and that have an address of FAMILY ("IPv4", "IPv6"), by the ports that the Service's
// target ports are with them: pods may give the same name to different ports.
std::map<Ports, Endpoints> wanted_endpoints(const kube::Service& service, const std::string& family, const Pods& pods,
                                            const Nodes& nodes);

// The families that the Service has addresses of.
std::vector<std::string> families_of(const kube::Service& service);

}  // namespace controller
