// A State as commands of sysctl, ip, ipset, ipvsadm and iptables.
#include <fmt/format.h>

#include "agents/proxy/ipvs/state.h"

namespace proxy::ipvs {
namespace {

using netfilter::Protocol;

constexpr int owner_column = 78;

// COMMAND, and behind it whose it is.
std::string line(const std::string& command, const std::string& owners = {}) {
  if (owners.empty()) return command + "\n";
  return fmt::format("{:<{}}  # {}\n", command, owner_column, owners);
}

std::string create_command(const netfilter::IpSetDefinition& set) {
  std::string command = "ipset create " + set.name + " " + set.type;
  if (set.type == "bitmap:port") return command + fmt::format(" range {}-{}", set.first_port, set.last_port);
  return command +
         fmt::format(" family {} hashsize {} maxelem {}", set.ipv6 ? "inet6" : "inet", set.hash_size, set.maximum_size);
}

std::string service_argument(const netfilter::VirtualServiceKey& key) {
  const char* option = key.protocol == Protocol::tcp ? "-t" : key.protocol == Protocol::udp ? "-u" : "--sctp-service";
  return std::string(option) + " " + netlink::endpoint_text(key.address, key.port);
}

std::string scheduling(const netfilter::VirtualService& service) {
  std::string text = " -s " + service.scheduler;
  if ((service.flags & netfilter::service_flags::scheduler_2) != 0) text += " -b " + service.scheduler + "-port";
  if ((service.flags & netfilter::service_flags::persistent) != 0) {
    text += fmt::format(" -p {}", service.persistence_seconds);
  }
  return text;
}

std::string server_commands(const VirtualServer& server) {
  std::string argument = service_argument(server.service.key);
  std::string text = line("ipvsadm -A " + argument + scheduling(server.service), server.owner);
  for (const Backend& backend : server.backends) {
    text += line("ipvsadm -a " + argument + " -r " + to_string(backend) + " -m -w 1");
  }
  return text;
}

}  // namespace

std::string to_string(const Backend& backend) {
  return netlink::endpoint_text(backend.address, backend.port);
}

std::string to_shell(const State& state) {
  std::string text;
  for (const auto& [name, value] : state.sysctls) text += line("sysctl -w " + name + "=" + value);
  for (const SetContents& set : state.sets) {
    text += line(create_command(set.definition));
    for (const auto& [entry, owners] : set.entries) {
      text += line("ipset add " + set.definition.name + " " + entry, owners);
    }
  }
  text += proxy::to_shell(state.rules, state.family);
  const netfilter::IpvsTimeouts& timeouts = state.timeouts;
  if (timeouts.tcp + timeouts.tcp_fin + timeouts.udp > 0) {
    text += line(fmt::format("ipvsadm --set {} {} {}", timeouts.tcp, timeouts.tcp_fin, timeouts.udp));
  }
  for (const auto& [key, server] : state.servers) text += server_commands(server);
  text += line(std::string("ip link add ") + device_name + " type dummy");
  for (const auto& [address, owners] : state.addresses) {
    text += line(fmt::format("ip address add {}/{} dev {}", address.to_string(), address.bits(), device_name), owners);
  }
  return text;
}

}  // namespace proxy::ipvs
