#include "agents/proxy/service_port.h"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace proxy {
namespace {

using netlink::IpAddress;
using netlink::Prefix;
using SlicesOfService = std::multimap<std::string, const kube::EndpointSlice*>;

std::optional<IpAddress> parse_address(const std::string& text, Family family) {
  std::optional<IpAddress> address = IpAddress::parse(text);
  return address && family_of(*address) == family ? address : std::nullopt;
}

std::vector<IpAddress> parse_addresses(const std::vector<std::string>& texts, Family family) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    if (auto address = parse_address(text, family)) addresses.push_back(*address);
  }
  return addresses;
}

std::optional<Prefix> parse_range(std::string text) {
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  return Prefix::parse(text);
}

// A range of everything restricts nothing, and IP sets hold no prefix of length 0 (kubernetes#132719). One that cannot
// be read admits nobody, where kube-proxy takes it for absent: somebody was to be kept out.
void read_source_ranges(const std::vector<std::string>& texts, Family family, ServicePort& port) {
  for (const std::string& text : texts) {
    std::optional<Prefix> range = parse_range(text);
    port.restricts_sources = port.restricts_sources || !range || family_of(range->address) == family;
    if (range && family_of(range->address) == family) port.source_ranges.push_back(range->network());
  }
  auto is_everything = [](const Prefix& range) { return range.length == 0; };
  if (std::any_of(port.source_ranges.begin(), port.source_ranges.end(), is_everything)) {
    port.source_ranges.clear();
    port.restricts_sources = false;
  }
}

std::optional<IpAddress> cluster_ip(const kube::Service& service, Family family) {
  if (service.headless() || service.type == "ExternalName") return std::nullopt;
  std::vector<IpAddress> addresses = parse_addresses(service.cluster_ips, family);
  return addresses.empty() ? parse_address(service.cluster_ip, family) : addresses.front();
}

bool place_order(const Endpoint& left, const Endpoint& right) {
  return std::tie(left.address, left.port) < std::tie(right.address, right.port);
}
bool same_place(const Endpoint& left, const Endpoint& right) {
  return std::tie(left.address, left.port) == std::tie(right.address, right.port);
}

Endpoint make_endpoint(const kube::Endpoint& source, const IpAddress& address, std::uint16_t port,
                       const std::string& node_name) {
  Endpoint endpoint;
  endpoint.address = address;
  endpoint.port = port;
  endpoint.ready = source.ready;
  endpoint.serving = source.serving;
  endpoint.terminating = source.terminating;
  endpoint.local = !source.node_name.empty() && source.node_name == node_name;
  endpoint.zones = source.hinted_zones;
  return endpoint;
}

// A slice names its ports as the Service does; the number is the pod's own, and may differ from slice to slice.
void add_endpoints(const kube::EndpointSlice& slice, const kube::ServicePort& port, const std::string& node_name,
                   Family family, std::vector<Endpoint>& endpoints) {
  for (const kube::EndpointPort& candidate : slice.ports) {
    if (candidate.name != port.name || candidate.protocol != port.protocol || candidate.port == 0) continue;
    for (const kube::Endpoint& source : slice.endpoints) {
      // All addresses of an endpoint are the same pod's: kube-proxy takes the first.
      if (source.addresses.empty()) continue;
      auto address = parse_address(source.addresses.front(), family);
      if (address) endpoints.push_back(make_endpoint(source, *address, candidate.port, node_name));
    }
  }
}

// While a pod moves from one slice to another it is in both; the one that is ready counts.
std::vector<Endpoint> endpoints_of(const std::string& service, const kube::ServicePort& port,
                                   const SlicesOfService& slices, const std::string& node_name, Family family) {
  std::vector<Endpoint> endpoints;
  auto [begin, end] = slices.equal_range(service);
  for (auto slice = begin; slice != end; ++slice) {
    if (slice->second->address_type == to_string(family)) {
      add_endpoints(*slice->second, port, node_name, family, endpoints);
    }
  }
  std::stable_sort(endpoints.begin(), endpoints.end(), [](const Endpoint& left, const Endpoint& right) {
    return same_place(left, right) ? left.ready && !right.ready : place_order(left, right);
  });
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end(), same_place), endpoints.end());
  return endpoints;
}

// All but what differs from port to port.
ServicePort common_part(const kube::Service& service, const std::string& key, const IpAddress& address, Family family) {
  ServicePort port;
  port.service = key;
  port.cluster_ip = address;
  port.external_ips = parse_addresses(service.external_ips, family);
  if (service.type == "LoadBalancer") {
    port.load_balancer_ips = parse_addresses(service.load_balancer_ips, family);
    read_source_ranges(service.load_balancer_source_ranges, family, port);
    port.health_check_node_port = service.health_check_node_port;
  }
  if (service.session_affinity == "ClientIP") {
    port.affinity_seconds = static_cast<std::uint32_t>(service.affinity_timeout_seconds);
  }
  port.internal_local = service.internal_traffic_policy == "Local";
  bool external = service.type != "ClusterIP" || !port.external_ips.empty();
  port.external_local = external && service.external_traffic_policy == "Local";
  return port;
}

bool hinted_for(const Endpoint& endpoint, const std::string& zone) {
  return std::find(endpoint.zones.begin(), endpoint.zones.end(), zone) != endpoint.zones.end();
}

template <class Predicate>
std::vector<Endpoint> filtered(const std::vector<Endpoint>& endpoints, Predicate&& wanted) {
  std::vector<Endpoint> result;
  std::copy_if(endpoints.begin(), endpoints.end(), std::back_inserter(result), wanted);
  return result;
}

std::vector<Endpoint> usable(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> ready = filtered(endpoints, [](const Endpoint& endpoint) { return endpoint.ready; });
  if (!ready.empty()) return ready;
  return filtered(endpoints, [](const Endpoint& endpoint) { return endpoint.serving && endpoint.terminating; });
}

}  // namespace

Family family_of(const IpAddress& address) {
  return address.is_v6() ? Family::ipv6 : Family::ipv4;
}

const char* to_string(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

std::vector<ServicePort> service_ports(const Services& services, const Slices& slices, const std::string& node_name,
                                       Family family) {
  SlicesOfService by_service;
  for (const auto& [key, slice] : slices) {
    by_service.emplace(slice.metadata.namespace_name + "/" + slice.service_name, &slice);
  }
  std::vector<ServicePort> ports;
  for (const auto& [key, service] : services) {
    std::optional<IpAddress> address = cluster_ip(service, family);
    if (!address) continue;
    ServicePort common = common_part(service, key, *address, family);
    for (const kube::ServicePort& source : service.ports) {
      auto protocol = netfilter::parse_protocol(source.protocol);
      if (!protocol) continue;
      ServicePort port = common;
      port.name = source.name.empty() ? key : key + ":" + source.name;
      port.protocol = *protocol;
      port.port = source.port;
      port.node_port = source.node_port;
      port.endpoints = endpoints_of(key, source, by_service, node_name, family);
      ports.push_back(std::move(port));
    }
  }
  return ports;
}

std::vector<Endpoint> cluster_endpoints(const ServicePort& port, const std::string& zone) {
  std::vector<Endpoint> endpoints = usable(port.endpoints);
  auto is_ready = [](const Endpoint& endpoint) { return endpoint.ready; };
  auto is_hinted = [](const Endpoint& endpoint) { return !endpoint.zones.empty(); };
  auto is_here = [&](const Endpoint& endpoint) { return hinted_for(endpoint, zone); };
  bool by_zone = std::all_of(endpoints.begin(), endpoints.end(), is_ready) &&
                 std::all_of(endpoints.begin(), endpoints.end(), is_hinted) &&
                 std::any_of(endpoints.begin(), endpoints.end(), is_here);
  return by_zone ? filtered(endpoints, is_here) : endpoints;
}

std::vector<Endpoint> local_endpoints(const ServicePort& port) {
  return usable(filtered(port.endpoints, [](const Endpoint& endpoint) { return endpoint.local; }));
}

}  // namespace proxy
