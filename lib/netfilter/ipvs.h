// The IP virtual server (IPVS): a typed client of the kernel's interface, <linux/ip_vs.h>.
//
// Generic netlink where the kernel allows it. IPVS's netlink commands need privilege in the initial user namespace
// (GENL_ADMIN_PERM), so that inside a user namespace they answer EPERM; the older socket options check the owning
// namespace and are used then, for IPv4 only.
// Threading: one thread at a time. Errors: base::Error with what was done to which service, and the kernel's words.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/file_descriptor.h"
#include "lib/netfilter/protocol.h"
#include "lib/netlink/address.h"

namespace netfilter {

// What tells virtual services apart: protocol, address and port; or, where FWMARK is not 0, the mark and the family of
// ADDRESS alone.
struct VirtualServiceKey {
  Protocol protocol = Protocol::tcp;
  netlink::IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t fwmark = 0;

  // "tcp 10.10.0.1:8410", "tcp [fd00::1]:80", "fwmark 7".
  std::string to_string() const;
  auto operator<=>(const VirtualServiceKey&) const = default;
};

// IP_VS_SVC_F_…, those a user sets. The three scheduler flags mean something else for each scheduler.
namespace service_flags {
constexpr std::uint32_t persistent = 0x1;
constexpr std::uint32_t one_packet = 0x4;
constexpr std::uint32_t scheduler_1 = 0x8;   // sh-fallback, mh-fallback
constexpr std::uint32_t scheduler_2 = 0x10;  // sh-port, mh-port
constexpr std::uint32_t scheduler_3 = 0x20;
constexpr std::uint32_t settable = persistent | one_packet | scheduler_1 | scheduler_2 | scheduler_3;
}  // namespace service_flags

struct VirtualService {
  VirtualServiceKey key;
  std::string scheduler = "rr";
  std::uint32_t flags = 0;                      // service_flags
  std::uint32_t persistence_seconds = 0;        // counts where the flag `persistent` is set
  std::uint32_t persistence_prefix_length = 0;  // of the clients taken together; 0: each one (32 or 128)
  std::string persistence_engine;               // "sip"; empty: none

  // Makes it persistent: a client goes to the same server for SECONDS after its last connection.
  void set_persistence(std::uint32_t seconds) {
    flags |= service_flags::persistent;
    persistence_seconds = seconds;
  }
  bool operator==(const VirtualService&) const = default;
};

enum class Forwarding : std::uint8_t {
  nat = 0,             // "Masq": rewrites address and port of the destination
  local = 1,           // the kernel's own choice for a destination that is this machine
  tunnel = 2,          // IP-in-IP (or GUE, GRE)
  direct_routing = 3,  // "Route": rewrites the frame's destination MAC alone
};

// The names of topologies and of messages: "nat", "tunnel", "direct-routing"; also accepted: "masq", "tun", "ipip",
// "dr", "direct", "route", "droute".
std::optional<Forwarding> parse_forwarding(std::string_view text);
std::string to_string(Forwarding forwarding);

// One real server of a virtual service.
struct Destination {
  netlink::IpAddress address;
  std::uint16_t port = 0;
  Forwarding forwarding = Forwarding::nat;
  std::uint32_t weight = 1;
  std::uint32_t upper_threshold = 0;  // connections; 0: no limit
  std::uint32_t lower_threshold = 0;

  std::string to_string() const;  // "192.168.113.99:8080"
  bool operator==(const Destination&) const = default;
};

struct IpvsStatistics {
  std::uint64_t connections = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

struct DestinationState {
  Destination destination;
  std::uint32_t active_connections = 0;
  std::uint32_t inactive_connections = 0;
  std::uint32_t persistent_connections = 0;
  IpvsStatistics statistics;
};

struct VirtualServiceState {
  VirtualService service;
  IpvsStatistics statistics;
  std::vector<DestinationState> destinations;
};

struct IpvsInfo {
  std::string version;  // "1.2.1"
  std::uint32_t connection_table_size = 0;
};

// Seconds; 0 leaves a timeout as it is.
struct IpvsTimeouts {
  std::uint32_t tcp = 0;
  std::uint32_t tcp_fin = 0;
  std::uint32_t udp = 0;
};

class IpvsTransport;

class Ipvs {
 public:
  // In the calling thread's network namespace, and it stays there wherever the thread goes. Throws where the kernel has
  // no IPVS, with the mend.
  Ipvs();
  static Ipvs open_in(const base::FileDescriptor& network_namespace);
  Ipvs(Ipvs&&) noexcept;
  Ipvs& operator=(Ipvs&&) noexcept;
  ~Ipvs();

  IpvsInfo info();
  // "generic netlink" or "socket options".
  std::string interface_name() const;

  // All services with their destinations, in the kernel's order; sort by key where order matters.
  std::vector<VirtualServiceState> list();
  // Services alone: one exchange however many there are.
  std::vector<VirtualServiceState> list_services();
  std::vector<DestinationState> list_destinations(const VirtualServiceKey& service);

  // Error::error_number(): EEXIST where it is there already, ENOENT where the scheduler is unknown.
  void add_service(const VirtualService& service);
  // Changes scheduler, flags and timeout; destinations and connections stay.
  void edit_service(const VirtualService& service);
  // With its destinations. ESRCH where there is none.
  void delete_service(const VirtualServiceKey& service);

  void add_destination(const VirtualServiceKey& service, const Destination& destination);
  void edit_destination(const VirtualServiceKey& service, const Destination& destination);
  // Connections go on to it while they last, as long as net.ipv4.vs.expire_nodest_conn is 0.
  void delete_destination(const VirtualServiceKey& service, const Destination& destination);

  IpvsTimeouts timeouts();
  void set_timeouts(const IpvsTimeouts& timeouts);
  void zero_counters();
  // Deletes every service.
  void flush();

 private:
  std::unique_ptr<IpvsTransport> transport_;
};

// As `ipvsadm -Ln` prints it, sorted by service and destination.
std::string format_table(const IpvsInfo& info, std::vector<VirtualServiceState> services);

}  // namespace netfilter
