#include "agents/controller/service_endpoints.h"

#include <algorithm>

#include "lib/kube/selector.h"

namespace controller {
namespace {

std::string address_of(const kube::Pod& pod, const std::string& family) {
  auto found = std::find_if(pod.pod_ips.begin(), pod.pod_ips.end(), [&](const std::string& ip) {
    return (ip.find(':') == std::string::npos) == (family == "IPv4");
  });
  return found == pod.pod_ips.end() ? std::string() : *found;
}

// 0 where POD has no port of that name.
uint16_t resolve_port(const kube::ServicePort& port, const kube::Pod& pod) {
  if (port.target_port.name.empty()) return static_cast<uint16_t>(port.target_port.number);
  for (const kube::Container& container : pod.containers) {
    for (const kube::ContainerPort& candidate : container.ports) {
      if (candidate.name == port.target_port.name && candidate.protocol == port.protocol) return candidate.port;
    }
  }
  return 0;
}

// Pods may give the same name to different ports: each combination needs slices of its own.
Ports resolve_ports(const kube::Service& service, const kube::Pod& pod) {
  Ports ports;
  for (const kube::ServicePort& port : service.ports) {
    uint16_t number = resolve_port(port, pod);
    if (number != 0) ports.push_back({port.name, port.protocol, number});
  }
  std::sort(ports.begin(), ports.end());
  return ports;
}

kube::Endpoint endpoint_of(const kube::Service& service, const kube::Pod& pod, const std::string& address,
                           const Nodes& nodes) {
  kube::Endpoint endpoint;
  endpoint.addresses = {address};
  endpoint.serving = is_ready(pod, nodes);
  endpoint.terminating = pod.terminating();
  endpoint.ready = service.publish_not_ready_addresses || (endpoint.serving && !endpoint.terminating);
  endpoint.node_name = pod.node_name;
  auto node = nodes.find(pod.node_name);
  if (node != nodes.end()) {
    auto zone = node->second.metadata.labels.find("topology.kubernetes.io/zone");
    if (zone != node->second.metadata.labels.end()) endpoint.zone = zone->second;
  }
  bool named = !pod.hostname.empty() && pod.subdomain == service.metadata.name;
  if (named) endpoint.hostname = pod.hostname;
  endpoint.target_kind = "Pod";
  endpoint.target_name = pod.metadata.name;
  endpoint.target_namespace = pod.metadata.namespace_name;
  endpoint.target_uid = pod.metadata.uid;
  return endpoint;
}

}  // namespace

std::map<Ports, Endpoints> wanted_endpoints(const kube::Service& service, const std::string& family, const Pods& pods,
                                            const Nodes& nodes) {
  std::map<Ports, Endpoints> wanted;
  kube::Selector selector = kube::Selector::from_labels(service.selector);
  for (const auto& [key, pod] : pods) {
    bool selected = pod.metadata.namespace_name == service.metadata.namespace_name && !pod.finished() &&
                    selector.matches(pod.metadata.labels);
    std::string address = selected ? address_of(pod, family) : "";
    if (address.empty()) continue;
    wanted[resolve_ports(service, pod)].push_back(endpoint_of(service, pod, address, nodes));
  }
  return wanted;
}

std::vector<std::string> families_of(const kube::Service& service) {
  if (!service.ip_families.empty()) return service.ip_families;
  return {service.cluster_ip.find(':') == std::string::npos ? "IPv4" : "IPv6"};
}

}  // namespace controller
