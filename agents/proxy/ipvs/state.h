// What the kernel holds of kube-proxy's ipvs mode, for one family of addresses. Every part that comes from an object of
// the API carries the name of the Service and port it comes from.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agents/proxy/rules.h"
#include "agents/proxy/service_port.h"
#include "agents/proxy/settings.h"
#include "lib/netfilter/ipset/ipset.h"
#include "lib/netfilter/ipvs.h"
#include "lib/netlink/address.h"

namespace proxy::ipvs {

inline constexpr const char* device_name = "kube-ipvs0";

struct Settings : proxy::Settings {
  std::string scheduler = "rr";
  bool strict_arp = false;
  bool disable_connection_reuse = false;  // conn_reuse_mode=0, which kernels 4.1 to 5.8 need
  netfilter::IpvsTimeouts timeouts = {};  // 0 leaves the kernel's
};

struct Backend {
  netlink::IpAddress address;
  std::uint16_t port = 0;
  auto operator<=>(const Backend&) const = default;
};

struct VirtualServer {
  netfilter::VirtualService service;
  std::set<Backend> backends;  // forwarded to by NAT, with weight 1
  std::string owner;
};

struct SetContents {
  netfilter::IpSetDefinition definition;
  std::map<std::string, std::string> entries;  // → owners
};

struct State {
  Family family = Family::ipv4;
  std::map<std::string, std::string> sysctls;
  netfilter::IpvsTimeouts timeouts;
  std::map<netlink::IpAddress, std::string> addresses;  // of kube-ipvs0 → owners
  std::map<netfilter::VirtualServiceKey, VirtualServer> servers;
  std::vector<SetContents> sets;
  RuleSet rules;
};

// "10.0.0.1:80", "[fd00::1]:80"
std::string to_string(const Backend& backend);

// The state as the commands that a person would type to make it: for --dump, bug reports and learners.
std::string to_shell(const State& state);

}  // namespace proxy::ipvs
