#include "agents/proxy/options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "lib/base/error.h"
#include "lib/base/http.h"

namespace proxy {
namespace {

using netlink::IpAddress;
using netlink::Prefix;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

[[noreturn]] void refuse(const std::string& flag, const std::string& value, const std::string& expected) {
  throw base::Error("--" + flag + "=" + value + ": " + expected + " expected");
}

std::vector<Prefix> parse_prefixes(const std::string& flag, const std::string& text) {
  std::vector<Prefix> prefixes;
  for (const std::string& part : split(text)) {
    std::optional<Prefix> prefix = Prefix::parse(part);
    if (!prefix) refuse(flag, text, "address ranges (10.244.0.0/16, divided by commas)");
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

std::vector<IpAddress> parse_addresses(const std::string& flag, const std::string& text) {
  std::vector<IpAddress> addresses;
  for (const std::string& part : split(text)) {
    std::optional<IpAddress> address = IpAddress::parse(part);
    if (!address) refuse(flag, text, "an address");
    addresses.push_back(*address);
  }
  return addresses;
}

std::chrono::milliseconds duration(const std::string& flag, const std::string& text) {
  std::optional<std::chrono::milliseconds> parsed = parse_duration(text);
  if (!parsed) refuse(flag, text, "a duration (5s, 250ms, 1m30s)");
  return *parsed;
}

std::chrono::seconds seconds(const std::string& flag, const std::string& text) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration(flag, text));
}

ModeName parse_mode(const std::string& text) {
  if (text == "ipvs" || text.empty()) return ModeName::ipvs;
  if (text == "iptables") return ModeName::iptables;
  if (text == "nftables") return ModeName::nftables;
  refuse("proxy-mode", text, "ipvs, iptables or nftables");
}

std::string host_name() {
  std::array<char, 256> name{};
  base::check_system("read the host's name", ::gethostname(name.data(), name.size() - 1));
  return name.data();
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(const std::string& text) {
  if (text == "0") return std::chrono::milliseconds(0);
  double total = 0;
  const char* at = text.c_str();
  if (*at == '\0') return std::nullopt;
  while (*at != '\0') {
    if (std::isdigit(static_cast<unsigned char>(*at)) == 0) return std::nullopt;
    char* unit = nullptr;
    double number = std::strtod(at, &unit);
    std::string rest = unit;
    if (rest.compare(0, 2, "ms") == 0) {
      total += number;
      at = unit + 2;
      continue;
    }
    double factor = rest[0] == 's' ? 1e3 : rest[0] == 'm' ? 60e3 : rest[0] == 'h' ? 3600e3 : 0;
    if (factor == 0) return std::nullopt;
    total += number * factor;
    at = unit + 1;
  }
  return std::chrono::milliseconds(static_cast<int64_t>(total));
}

std::vector<Family> Options::families() const {
  auto has = [this](Family family) {
    return std::any_of(cluster_cidrs.begin(), cluster_cidrs.end(),
                       [&](const Prefix& range) { return family_of(range.address) == family; }) ||
           std::any_of(node_ips.begin(), node_ips.end(),
                       [&](const IpAddress& address) { return family_of(address) == family; });
  };
  if (!has(Family::ipv6)) return {Family::ipv4};
  if (!has(Family::ipv4)) return {Family::ipv6};
  return {Family::ipv4, Family::ipv6};
}

Options parse_options(const Flags& flags) {
  Options options;
  options.master = flags.master;
  options.node_name = flags.hostname_override.empty() ? host_name() : flags.hostname_override;
  options.mode = parse_mode(flags.proxy_mode);
  options.cluster_cidrs = parse_prefixes("cluster-cidr", flags.cluster_cidr);
  options.node_ips = parse_addresses("node-ip", flags.node_ip);
  options.node_ports_on_node_ip_alone = flags.nodeport_addresses == "primary";
  if (!options.node_ports_on_node_ip_alone) {
    options.node_port_addresses = parse_prefixes("nodeport-addresses", flags.nodeport_addresses);
  }
  options.masquerade_all = flags.masquerade_all;
  if (flags.masquerade_bit < 0 || flags.masquerade_bit > 31) {
    refuse("iptables-masquerade-bit", std::to_string(flags.masquerade_bit), "0 to 31");
  }
  options.masquerade_mark = 1U << flags.masquerade_bit;
  options.localhost_node_ports = flags.localhost_node_ports;
  if (!flags.ipvs_scheduler.empty()) options.scheduler = flags.ipvs_scheduler;
  options.strict_arp = flags.ipvs_strict_arp;
  options.excluded = parse_prefixes("ipvs-exclude-cidrs", flags.ipvs_exclude_cidrs);
  options.tcp_timeout = seconds("ipvs-tcp-timeout", flags.ipvs_tcp_timeout);
  options.tcp_fin_timeout = seconds("ipvs-tcpfin-timeout", flags.ipvs_tcpfin_timeout);
  options.udp_timeout = seconds("ipvs-udp-timeout", flags.ipvs_udp_timeout);
  options.sync_period = duration("ipvs-sync-period", flags.sync_period);
  if (options.sync_period.count() == 0) refuse("ipvs-sync-period", flags.sync_period, "more than 0");
  options.min_sync_period = duration("ipvs-min-sync-period", flags.min_sync_period);
  if (!flags.healthz_bind_address.empty()) {
    try {
      base::http::Endpoint::parse(flags.healthz_bind_address);
    } catch (const base::Error&) {
      refuse("healthz-bind-address", flags.healthz_bind_address, "an address and a port like 0.0.0.0:10256");
    }
    options.healthz_address = flags.healthz_bind_address;
  }
  options.verbose = flags.verbosity >= 2;
  return options;
}

}  // namespace proxy
