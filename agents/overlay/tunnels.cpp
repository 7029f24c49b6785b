#include "agents/overlay/tunnels.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace overlay {
namespace {

boost::json::object parse_data(const std::string& data) {
  boost::system::error_code failure;
  boost::json::value value = boost::json::parse(data, failure);
  return !failure && value.is_object() ? value.get_object() : boost::json::object();
}

// The reason not to use LEASE; empty where there is none.
std::string objection(const Lease& lease, std::uint32_t vni) {
  if (lease.backend_type != "vxlan") return "its backend is " + lease.backend_type + ", not vxlan";
  boost::json::object data = parse_data(lease.backend_data);
  if (!vtep_mac(lease.backend_data)) return "its annotation backend-data names no VtepMAC: " + lease.backend_data;
  int64_t other_vni = kube::number_at(data, "VNI", 1);
  if (other_vni != vni) return "its VNI is " + std::to_string(other_vni) + ", not " + std::to_string(vni);
  return {};
}

template <class Map>
Map without_keys_of(const Map& old, const Map& wanted) {
  Map rest;
  for (const auto& [key, value] : old) {
    if (wanted.count(key) == 0) rest.emplace(key, value);
  }
  return rest;
}

}  // namespace

std::string vxlan_data(std::uint32_t vni, const netlink::MacAddress& mac) {
  return boost::json::serialize(boost::json::object{{"VNI", vni}, {"VtepMAC", mac.to_string()}});
}

std::optional<netlink::MacAddress> vtep_mac(const std::string& data) {
  return netlink::MacAddress::parse(kube::text_at(parse_data(data), "VtepMAC"));
}

Tunnels tunnels_of(const std::vector<Lease>& leases, std::uint32_t vni) {
  Tunnels result;
  std::map<netlink::Prefix, std::string> subnets;
  std::map<netlink::MacAddress, std::string> macs;
  for (const Lease& lease : leases) {
    std::string why = objection(lease, vni);
    if (why.empty()) {
      Tunnel tunnel{lease.node, lease.subnet.network(), *vtep_mac(lease.backend_data), lease.public_ip};
      auto [subnet, new_subnet] = subnets.emplace(tunnel.subnet, lease.node);
      auto [mac, new_mac] = macs.emplace(tunnel.mac, lease.node);
      if (!new_subnet) {
        why = "its subnet " + tunnel.subnet.to_string() + " is that of node " + subnet->second;
      } else if (!new_mac) {
        why = "its VtepMAC " + tunnel.mac.to_string() + " is that of node " + mac->second;
      } else {
        result.tunnels.push_back(std::move(tunnel));
      }
    }
    if (!why.empty()) result.refused.push_back("no tunnel to node " + lease.node + ": " + why);
  }
  return result;
}

Forwarding forwarding_for(const std::vector<Tunnel>& tunnels) {
  Forwarding forwarding;
  for (const Tunnel& tunnel : tunnels) {
    forwarding.neighbours[tunnel.gateway()] = tunnel.mac;
    forwarding.entries[tunnel.mac] = tunnel.public_ip;
    forwarding.routes[tunnel.subnet] = tunnel.gateway();
  }
  return forwarding;
}

Forwarding outdated(const Forwarding& old, const Forwarding& wanted) {
  return {without_keys_of(old.neighbours, wanted.neighbours), without_keys_of(old.entries, wanted.entries),
          without_keys_of(old.routes, wanted.routes)};
}

}  // namespace overlay
