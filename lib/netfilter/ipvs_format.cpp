// The table of virtual services in ipvsadm's layout.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "lib/netfilter/ipvs.h"

namespace netfilter {
namespace {

const char* forwarding_text(Forwarding forwarding) {
  switch (forwarding) {
    case Forwarding::nat:
      return "Masq";
    case Forwarding::local:
      return "Local";
    case Forwarding::tunnel:
      return "Tunnel";
    case Forwarding::direct_routing:
      return "Route";
  }
  return "Masq";
}

std::string service_name(const VirtualServiceKey& key) {
  if (key.fwmark != 0) return fmt::format("FWM  {}{}", key.fwmark, key.address.is_v6() ? " IPv6" : "");
  const char* form = key.address.is_v6() ? "{:<4} [{}]:{}" : "{:<4} {}:{}";
  return fmt::format(fmt::runtime(form), upper_case(key.protocol), key.address.to_string(), key.port);
}

// ipvsadm names the scheduler's flags for the two schedulers that have some, and numbers them for others.
std::string scheduler_flags(const VirtualService& service) {
  static constexpr std::uint32_t flags[] = {service_flags::scheduler_1, service_flags::scheduler_2,
                                            service_flags::scheduler_3};
  static const char* const suffixes[] = {"-fallback", "-port", ""};
  std::string text;
  for (size_t i = 0; i < 3; ++i) {
    if ((service.flags & flags[i]) == 0) continue;
    bool named = i < 2 && (service.scheduler == "sh" || service.scheduler == "mh");
    if (!text.empty()) text += ",";
    text += named ? service.scheduler + suffixes[i] : fmt::format("flag-{}", i + 1);
  }
  return text.empty() ? "" : " (" + text + ")";
}

std::string mask_text(const VirtualService& service) {
  unsigned length = service.persistence_prefix_length;
  if (length == 0) return {};
  if (service.key.address.is_v6()) return fmt::format(" mask {}", length);
  std::uint32_t mask = ~std::uint32_t{0} << (32 - length);
  return fmt::format(" mask {}.{}.{}.{}", mask >> 24, (mask >> 16) & 0xff, (mask >> 8) & 0xff, mask & 0xff);
}

std::string format_service(const VirtualService& service) {
  std::string text = service_name(service.key) + " " + service.scheduler + scheduler_flags(service);
  if ((service.flags & service_flags::persistent) != 0) {
    text += fmt::format(" persistent {}", service.persistence_seconds) + mask_text(service);
  }
  if (!service.persistence_engine.empty()) text += " pe " + service.persistence_engine;
  if ((service.flags & service_flags::one_packet) != 0) text += " ops";
  return text + "\n";
}

std::string format_destination(const DestinationState& state) {
  return fmt::format("  -> {:<28} {:<7} {:<6} {:<10} {:<10}\n", state.destination.to_string(),
                     forwarding_text(state.destination.forwarding), state.destination.weight, state.active_connections,
                     state.inactive_connections);
}

}  // namespace

std::string format_table(const IpvsInfo& info, std::vector<VirtualServiceState> services) {
  std::string text = fmt::format("IP Virtual Server version {} (size={})\n", info.version, info.connection_table_size);
  text += "Prot LocalAddress:Port Scheduler Flags\n";
  text += "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n";
  std::sort(services.begin(), services.end(),
            [](const auto& left, const auto& right) { return left.service.key < right.service.key; });
  for (VirtualServiceState& state : services) {
    text += format_service(state.service);
    std::sort(state.destinations.begin(), state.destinations.end(), [](const auto& left, const auto& right) {
      return std::tie(left.destination.address, left.destination.port) <
             std::tie(right.destination.address, right.destination.port);
    });
    for (const DestinationState& destination : state.destinations) text += format_destination(destination);
  }
  return text;
}

}  // namespace netfilter
