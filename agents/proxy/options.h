// What kube-proxy's flags say. Flags have its names and meanings; their values are checked here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/proxy/service_port.h"
#include "lib/netlink/address.h"

namespace proxy {

// As typed.
struct Flags {
  std::string master;
  std::string hostname_override;
  std::string proxy_mode = "ipvs";
  std::string cluster_cidr;
  std::string node_ip;
  std::string nodeport_addresses;
  bool masquerade_all = false;
  int masquerade_bit = 14;
  std::string ipvs_scheduler = "rr";
  bool ipvs_strict_arp = false;
  std::string ipvs_exclude_cidrs;
  std::string ipvs_tcp_timeout = "0s";
  std::string ipvs_tcpfin_timeout = "0s";
  std::string ipvs_udp_timeout = "0s";
  bool localhost_node_ports = true;
  std::string sync_period = "5s";
  std::string min_sync_period = "100ms";
  std::string healthz_bind_address = "0.0.0.0:10256";
  int verbosity = 0;
};

enum class ModeName { ipvs, iptables, nftables };

struct Options {
  std::string master;
  std::string node_name;
  ModeName mode = ModeName::ipvs;
  std::vector<netlink::Prefix> cluster_cidrs;
  std::vector<netlink::IpAddress> node_ips;  // empty: those of the Node object
  std::vector<netlink::Prefix> node_port_addresses;
  bool node_ports_on_node_ip_alone = false;  // --nodeport-addresses=primary
  bool masquerade_all = false;
  std::uint32_t masquerade_mark = 1U << 14;
  bool localhost_node_ports = true;  // in mode iptables
  std::string scheduler = "rr";
  bool strict_arp = false;
  std::vector<netlink::Prefix> excluded;
  std::chrono::seconds tcp_timeout{0};
  std::chrono::seconds tcp_fin_timeout{0};
  std::chrono::seconds udp_timeout{0};
  std::chrono::milliseconds sync_period{5000};
  std::chrono::milliseconds min_sync_period{100};
  std::string healthz_address;  // empty: nobody is told
  bool verbose = false;

  // IPv4, and IPv6 where the cluster or the node has such addresses; IPv6 alone where the cluster has no others.
  std::vector<Family> families() const;
};

// Throws base::Error that names the flag.
Options parse_options(const Flags& flags);

// As Go writes durations: "5s", "1m30s", "250ms", "0". Nothing where TEXT is none.
std::optional<std::chrono::milliseconds> parse_duration(const std::string& text);

}  // namespace proxy
