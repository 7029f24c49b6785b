// IPVS by socket options, the interface before generic netlink: IPv4 only, but open to the root of a user namespace.
#include <arpa/inet.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/netfilter/ipvs_transport.h"

namespace netfilter {
namespace {

void copy_name(char (&to)[IP_VS_SCHEDNAME_MAXLEN], const std::string& from, const std::string& doing) {
  if (from.size() >= sizeof to) throw base::Error(doing + ": no scheduler has a name as long as \"" + from + "\"");
  std::memcpy(to, from.c_str(), from.size() + 1);
}

std::uint32_t raw_address(const netlink::IpAddress& address, const std::string& doing) {
  if (address.is_v6()) {
    throw base::Error::system(doing, EAFNOSUPPORT)
        .with_mend("in a user namespace IPVS takes IPv4 only: use a kernel of the lab's own");
  }
  std::uint32_t raw = 0;
  std::memcpy(&raw, address.bytes(), sizeof raw);
  return raw;
}

std::uint32_t netmask_of(const VirtualService& service) {
  unsigned length = service.persistence_prefix_length;
  return length == 0 ? ~std::uint32_t{0} : htonl(~std::uint32_t{0} << (32 - length));
}

ip_vs_service_user service_user(const VirtualServiceKey& key, const std::string& doing) {
  ip_vs_service_user user{};
  user.fwmark = key.fwmark;
  user.protocol = static_cast<std::uint16_t>(key.protocol);
  user.netmask = ~std::uint32_t{0};
  if (key.fwmark == 0) {
    user.addr = raw_address(key.address, doing);
    user.port = htons(key.port);
  }
  return user;
}

struct ServiceAndDestination {
  ip_vs_service_user service;
  ip_vs_dest_user destination;
};

IpvsStatistics statistics_of(const ip_vs_stats_user& stats) {
  return {stats.conns, stats.inpkts, stats.outpkts, stats.inbytes, stats.outbytes};
}

VirtualServiceState state_of(const ip_vs_service_entry& entry) {
  VirtualServiceState state;
  VirtualService& service = state.service;
  service.key.fwmark = entry.fwmark;
  if (entry.fwmark == 0) service.key.protocol = static_cast<Protocol>(entry.protocol);
  service.key.address = netlink::IpAddress(AF_INET, &entry.addr);
  service.key.port = ntohs(entry.port);
  service.scheduler.assign(entry.sched_name, ::strnlen(entry.sched_name, sizeof entry.sched_name));
  service.flags = entry.flags & service_flags::settable;
  if ((service.flags & service_flags::persistent) != 0) {
    service.persistence_seconds = entry.timeout;
    auto length = static_cast<unsigned>(__builtin_popcount(entry.netmask));
    service.persistence_prefix_length = length == 32 ? 0 : length;
  }
  state.statistics = statistics_of(entry.stats);
  return state;
}

DestinationState state_of(const ip_vs_dest_entry& entry) {
  DestinationState state;
  Destination& destination = state.destination;
  destination.address = netlink::IpAddress(AF_INET, &entry.addr);
  destination.port = ntohs(entry.port);
  destination.forwarding = static_cast<Forwarding>(entry.conn_flags & IP_VS_CONN_F_FWD_MASK);
  destination.weight = static_cast<std::uint32_t>(entry.weight);
  destination.upper_threshold = entry.u_threshold;
  destination.lower_threshold = entry.l_threshold;
  state.active_connections = entry.activeconns;
  state.inactive_connections = entry.inactconns;
  state.persistent_connections = entry.persistconns;
  state.statistics = statistics_of(entry.stats);
  return state;
}

class SocketOptionTransport : public IpvsTransport {
 public:
  // Any IPv4 socket will do; a raw one as ipvsadm has would need more privilege.
  SocketOptionTransport() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    base::check_system("open a socket for IPVS", socket_.get());
    get_info();
  }

  std::string name() const override { return "socket options"; }

  IpvsInfo info() override {
    ip_vs_getinfo info = get_info();
    return {version_text(info.version), info.size};
  }

  std::vector<VirtualServiceState> list_services() override {
    const std::string doing = "list virtual services";
    std::vector<VirtualServiceState> services;
    // The buffer must have the exact size: one who comes in between makes it EINVAL.
    for (int attempt = 0;; ++attempt) {
      std::uint32_t count = get_info().num_services;
      std::vector<char> buffer(sizeof(ip_vs_get_services) + count * sizeof(ip_vs_service_entry));
      auto* answer = reinterpret_cast<ip_vs_get_services*>(buffer.data());
      answer->num_services = count;
      if (!get(IP_VS_SO_GET_SERVICES, buffer)) {
        if (errno == EINVAL && attempt < 10) continue;
        throw base::Error::system(doing);
      }
      for (std::uint32_t i = 0; i < answer->num_services; ++i) services.push_back(state_of(answer->entrytable[i]));
      return services;
    }
  }

  std::vector<DestinationState> list_destinations(const VirtualServiceKey& service) override {
    const std::string doing = "list the destinations of " + service.to_string();
    std::vector<DestinationState> destinations;
    for (int attempt = 0;; ++attempt) {
      ip_vs_service_entry entry = get_service(service, doing);
      std::vector<char> buffer(sizeof(ip_vs_get_dests) + entry.num_dests * sizeof(ip_vs_dest_entry));
      auto* answer = reinterpret_cast<ip_vs_get_dests*>(buffer.data());
      answer->protocol = entry.protocol;
      answer->addr = entry.addr;
      answer->port = entry.port;
      answer->fwmark = entry.fwmark;
      answer->num_dests = entry.num_dests;
      if (!get(IP_VS_SO_GET_DESTS, buffer)) {
        if (errno == EINVAL && attempt < 10) continue;
        throw base::Error::system(doing);
      }
      for (std::uint32_t i = 0; i < answer->num_dests; ++i) destinations.push_back(state_of(answer->entrytable[i]));
      return destinations;
    }
  }

  void add_service(const VirtualService& service) override {
    change_service("add virtual service ", IP_VS_SO_SET_ADD, service);
  }
  void edit_service(const VirtualService& service) override {
    change_service("change virtual service ", IP_VS_SO_SET_EDIT, service);
  }
  void delete_service(const VirtualServiceKey& service) override {
    const std::string doing = "delete virtual service " + service.to_string();
    ip_vs_service_user user = service_user(service, doing);
    set(doing, IP_VS_SO_SET_DEL, &user, sizeof user);
  }

  void add_destination(const VirtualServiceKey& service, const Destination& destination) override {
    change_destination("add", IP_VS_SO_SET_ADDDEST, service, destination);
  }
  void edit_destination(const VirtualServiceKey& service, const Destination& destination) override {
    change_destination("change", IP_VS_SO_SET_EDITDEST, service, destination);
  }
  void delete_destination(const VirtualServiceKey& service, const Destination& destination) override {
    change_destination("delete", IP_VS_SO_SET_DELDEST, service, destination);
  }

  IpvsTimeouts timeouts() override {
    std::vector<char> buffer(sizeof(ip_vs_timeout_user));
    if (!get(IP_VS_SO_GET_TIMEOUT, buffer)) throw base::Error::system("read IPVS's timeouts");
    const auto* user = reinterpret_cast<const ip_vs_timeout_user*>(buffer.data());
    return {static_cast<std::uint32_t>(user->tcp_timeout), static_cast<std::uint32_t>(user->tcp_fin_timeout),
            static_cast<std::uint32_t>(user->udp_timeout)};
  }

  void set_timeouts(const IpvsTimeouts& timeouts) override {
    ip_vs_timeout_user user{static_cast<int>(timeouts.tcp), static_cast<int>(timeouts.tcp_fin),
                            static_cast<int>(timeouts.udp)};
    set("set IPVS's timeouts", IP_VS_SO_SET_TIMEOUT, &user, sizeof user);
  }

  // An empty service means all.
  void zero_counters() override {
    ip_vs_service_user all{};
    set("reset IPVS's counters", IP_VS_SO_SET_ZERO, &all, sizeof all);
  }
  void flush() override { set("delete all virtual services", IP_VS_SO_SET_FLUSH, nullptr, 0); }

 private:
  bool get(int option, std::vector<char>& buffer) {
    auto size = static_cast<socklen_t>(buffer.size());
    return ::getsockopt(socket_.get(), IPPROTO_IP, option, buffer.data(), &size) == 0;
  }
  void set(const std::string& doing, int option, const void* data, socklen_t size) {
    base::check_system(doing, ::setsockopt(socket_.get(), IPPROTO_IP, option, data, size));
  }

  ip_vs_getinfo get_info() {
    std::vector<char> buffer(sizeof(ip_vs_getinfo));
    if (!get(IP_VS_SO_GET_INFO, buffer)) throw base::Error::system("read IPVS's version");
    ip_vs_getinfo info{};
    std::memcpy(&info, buffer.data(), sizeof info);
    return info;
  }

  ip_vs_service_entry get_service(const VirtualServiceKey& key, const std::string& doing) {
    ip_vs_service_user user = service_user(key, doing);
    ip_vs_service_entry entry{};
    entry.protocol = user.protocol;
    entry.addr = user.addr;
    entry.port = user.port;
    entry.fwmark = user.fwmark;
    std::vector<char> buffer(sizeof entry);
    std::memcpy(buffer.data(), &entry, sizeof entry);
    if (!get(IP_VS_SO_GET_SERVICE, buffer)) throw base::Error::system(doing);
    std::memcpy(&entry, buffer.data(), sizeof entry);
    return entry;
  }

  void change_service(const std::string& what, int option, const VirtualService& service) {
    const std::string doing = what + service.key.to_string();
    ip_vs_service_user user = service_user(service.key, doing);
    copy_name(user.sched_name, service.scheduler, doing);
    user.flags = service.flags;
    user.timeout = service.persistence_seconds;
    user.netmask = netmask_of(service);
    set(doing, option, &user, sizeof user);
  }

  void change_destination(const std::string& what, int option, const VirtualServiceKey& service,
                          const Destination& destination) {
    const std::string doing = what + " destination " + destination.to_string() + " of " + service.to_string();
    ServiceAndDestination both{};
    both.service = service_user(service, doing);
    both.destination.addr = raw_address(destination.address, doing);
    both.destination.port = htons(destination.port);
    both.destination.conn_flags = static_cast<unsigned>(destination.forwarding);
    both.destination.weight = static_cast<int>(destination.weight);
    both.destination.u_threshold = destination.upper_threshold;
    both.destination.l_threshold = destination.lower_threshold;
    set(doing, option, &both, sizeof both);
  }

  base::FileDescriptor socket_;
};

}  // namespace

std::unique_ptr<IpvsTransport> make_socket_option_transport() {
  return std::make_unique<SocketOptionTransport>();
}

}  // namespace netfilter
