#include "agents/proxy/ipvs/desired.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "agents/proxy/ipvs/chains.h"
#include "agents/proxy/ipvs/sets.h"

namespace proxy::ipvs {
namespace {

using netfilter::Protocol;
using netlink::IpAddress;
using netlink::Prefix;

std::string ip_port(const IpAddress& address, Protocol protocol, std::uint16_t port) {
  return fmt::format("{},{}:{}", address.to_string(), netfilter::lower_case(protocol), port);
}

// As ipset prints it: without "/32" where it is a single address.
std::string net(const Prefix& prefix) {
  return prefix.length == prefix.address.bits() ? prefix.address.to_string() : prefix.to_string();
}

void add_owner(std::string& owners, const std::string& owner) {
  if (owners.empty()) {
    owners = owner;
  } else if ((", " + owners + ", ").find(", " + owner + ", ") == std::string::npos) {
    owners += ", " + owner;
  }
}

struct NodePortSets {
  const SetKind& all;
  const SetKind& local;
};
NodePortSets node_port_sets(Protocol protocol) {
  if (protocol == Protocol::udp) return {sets::node_port_udp, sets::node_port_local_udp};
  if (protocol == Protocol::sctp) return {sets::node_port_sctp, sets::node_port_local_sctp};
  return {sets::node_port_tcp, sets::node_port_local_tcp};
}

class Builder {
 public:
  Builder(const NodeView& node, const Settings& settings) : node_(node), settings_(settings) {
    for (const IpAddress& address : node.addresses) {
      if (serves_node_ports(address)) node_port_addresses_.push_back(address);
    }
  }

  void add(const ServicePort& port) {
    add_loop_back(port);
    add_cluster_ip(port);
    for (const IpAddress& address : port.external_ips) add_external_ip(port, address);
    for (const IpAddress& address : port.load_balancer_ips) add_load_balancer_ip(port, address);
    if (port.node_port != 0) add_node_port(port);
    if (port.health_check_node_port != 0) {
      add_entry(sets::health_check_node_port, std::to_string(port.health_check_node_port), port);
    }
  }

  State finish() {
    for (const auto& [address, owners] : state_.addresses) entries_[&sets::ipvs_ips][address.to_string()] = owners;
    auto used = [this](const SetKind& kind) { return entries_.count(&kind) != 0; };
    state_.family = settings_.family;
    state_.sysctls = sysctls();
    state_.timeouts = settings_.timeouts;
    state_.rules = rules(settings_, used, denied_);
    for (const SetKind* kind : sets::all) {
      state_.sets.push_back({definition(*kind, settings_.family), std::move(entries_[kind])});
    }
    return std::move(state_);
  }

 private:
  bool serves_node_ports(const IpAddress& address) const {
    const std::vector<Prefix>& ranges = settings_.node_port_addresses;
    return ranges.empty() ||
           std::any_of(ranges.begin(), ranges.end(), [&](const Prefix& range) { return range.contains(address); });
  }

  void add_entry(const SetKind& kind, const std::string& entry, const ServicePort& port) {
    add_owner(entries_[&kind][entry], port.name);
  }

  void bind(const IpAddress& address, const ServicePort& port) { add_owner(state_.addresses[address], port.name); }

  // An address that the node has anyway is not bound a second time.
  void bind_unless_local(const IpAddress& address, const ServicePort& port) {
    bool local = std::find(node_.addresses.begin(), node_.addresses.end(), address) != node_.addresses.end();
    if (!local) bind(address, port);
  }

  // A pod that reaches itself through a Service would answer itself past IPVS: it is made to see the node instead.
  void add_loop_back(const ServicePort& port) {
    for (const Endpoint& endpoint : port.endpoints) {
      if (!endpoint.local) continue;
      std::string address = endpoint.address.to_string();
      add_entry(sets::loop_back, ip_port(endpoint.address, port.protocol, endpoint.port) + "," + address, port);
    }
  }

  void add_cluster_ip(const ServicePort& port) {
    add_entry(sets::cluster_ip, ip_port(port.cluster_ip, port.protocol, port.port), port);
    add_server(port, port.cluster_ip, port.port, port.internal_local);
    bind(port.cluster_ip, port);
  }

  void add_external_ip(const ServicePort& port, const IpAddress& address) {
    const SetKind& kind = port.external_local ? sets::external_ip_local : sets::external_ip;
    add_entry(kind, ip_port(address, port.protocol, port.port), port);
    add_server(port, address, port.port, port.external_local);
    bind_unless_local(address, port);
  }

  void add_load_balancer_ip(const ServicePort& port, const IpAddress& address) {
    std::string entry = ip_port(address, port.protocol, port.port);
    add_entry(sets::load_balancer, entry, port);
    if (port.external_local) add_entry(sets::load_balancer_local, entry, port);
    if (port.restricts_sources) restrict_sources(port, address, entry);
    add_server(port, address, port.port, port.external_local);
    bind_unless_local(address, port);
  }

  void restrict_sources(const ServicePort& port, const IpAddress& address, const std::string& entry) {
    add_entry(sets::load_balancer_firewall, entry, port);
    bool allows_node = false;
    for (const Prefix& range : port.source_ranges) {
      add_entry(sets::load_balancer_source_cidr, entry + "," + net(range), port);
      allows_node = allows_node || (node_.ip && range.contains(*node_.ip));
    }
    // From the node itself the address is source and destination: it is kube-ipvs0's.
    if (allows_node) {
      add_entry(sets::load_balancer_source_ip, entry + "," + address.to_string(), port);
    } else {
      denied_.push_back({address, port.protocol, port.port});
    }
  }

  void add_node_port(const ServicePort& port) {
    if (node_port_addresses_.empty()) return;
    NodePortSets node_port_set = node_port_sets(port.protocol);
    std::vector<std::string> entries{std::to_string(port.node_port)};
    if (port.protocol == Protocol::sctp) {
      entries.clear();
      for (const IpAddress& address : node_port_addresses_) {
        entries.push_back(ip_port(address, port.protocol, port.node_port));
      }
    }
    for (const std::string& entry : entries) {
      add_entry(node_port_set.all, entry, port);
      if (port.external_local) add_entry(node_port_set.local, entry, port);
    }
    for (const IpAddress& address : node_port_addresses_) {
      add_server(port, address, port.node_port, port.external_local);
    }
  }

  // Where two Services claim the same address and port, the first by name has it.
  void add_server(const ServicePort& port, const IpAddress& address, std::uint16_t number, bool local_only) {
    netfilter::VirtualServiceKey key;
    key.protocol = port.protocol;
    key.address = address;
    key.port = number;
    auto [place, is_new] = state_.servers.try_emplace(key);
    if (!is_new) return;
    VirtualServer& server = place->second;
    server.owner = port.name;
    server.service.key = key;
    server.service.scheduler = settings_.scheduler;
    if (port.affinity_seconds) server.service.set_persistence(*port.affinity_seconds);
    // kube-proxy sets IP_VS_SVC_F_SCHED2 (mh-port) for Maglev hashing.
    if (settings_.scheduler == "mh") server.service.flags |= netfilter::service_flags::scheduler_2;
    for (const Endpoint& endpoint : endpoints_for(port, local_only)) {
      server.backends.insert({endpoint.address, endpoint.port});
    }
  }

  // Unlike the other modes, ipvs does not drop where policy Local finds no local endpoint, but goes to any
  // (kubernetes#97081); of an internal policy that holds only for Services that are reached from outside, too.
  std::vector<Endpoint> endpoints_for(const ServicePort& port, bool local_only) const {
    if (!local_only) return cluster_endpoints(port, node_.zone);
    std::vector<Endpoint> local = local_endpoints(port);
    bool falls_back = !port.internal_local || port.externally_accessible();
    return local.empty() && falls_back ? cluster_endpoints(port, node_.zone) : local;
  }

  std::map<std::string, std::string> sysctls() const {
    std::map<std::string, std::string> result{{"net.ipv4.ip_forward", "1"},
                                              {"net.ipv4.vs.conntrack", "1"},
                                              {"net.ipv4.vs.expire_nodest_conn", "1"},
                                              {"net.ipv4.vs.expire_quiescent_template", "1"}};
    if (settings_.disable_connection_reuse) result["net.ipv4.vs.conn_reuse_mode"] = "0";
    if (settings_.strict_arp) {
      result["net.ipv4.conf.all.arp_ignore"] = "1";
      result["net.ipv4.conf.all.arp_announce"] = "2";
    }
    return result;
  }

  const NodeView& node_;
  const Settings& settings_;
  std::vector<IpAddress> node_port_addresses_;
  std::map<const SetKind*, std::map<std::string, std::string>> entries_;
  std::vector<DeniedAccess> denied_;
  State state_;
};

}  // namespace

State desired_state(const std::vector<ServicePort>& ports, const NodeView& node, const Settings& settings) {
  Builder builder(node, settings);
  for (const ServicePort& port : ports) builder.add(port);
  return builder.finish();
}

bool needs_connection_reuse_disabled(const std::string& release) {
  int major = 0, minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;
  std::pair version(major, minor);
  return version >= std::pair(4, 1) && version < std::pair(5, 9);
}

}  // namespace proxy::ipvs
