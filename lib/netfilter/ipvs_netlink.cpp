// IPVS by generic netlink: family "IPVS" version 1, see the end of <linux/ip_vs.h>.
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <array>
#include <cstring>

#include "lib/base/error.h"
#include "lib/netfilter/ipvs_transport.h"
#include "lib/netlink/message.h"
#include "lib/netlink/socket.h"

namespace netfilter {
namespace {

template <int maximum>
using Attributes = std::array<nlattr*, maximum + 1>;

template <int maximum>
Attributes<maximum> parse_nested(nlattr* nest) {
  Attributes<maximum> attributes{};
  nla_parse(attributes.data(), maximum, static_cast<nlattr*>(nla_data(nest)), nla_len(nest), nullptr);
  return attributes;
}

template <int maximum>
Attributes<maximum> parse_message(nlmsghdr* header) {
  Attributes<maximum> attributes{};
  nlmsg_parse(header, GENL_HDRLEN, attributes.data(), maximum, nullptr);
  return attributes;
}

std::uint32_t number(nlattr* attribute) {
  return attribute == nullptr ? 0 : nla_get_u32(attribute);
}
std::uint64_t large_number(nlattr* attribute) {
  return attribute == nullptr ? 0 : nla_get_u64(attribute);
}
std::uint16_t port(nlattr* attribute) {
  return attribute == nullptr ? 0 : ntohs(nla_get_u16(attribute));
}
std::string text(nlattr* attribute) {
  return attribute == nullptr ? "" : nla_get_string(attribute);
}

// Addresses come as the 16 bytes of a union, of which IPv4 fills the first four.
netlink::IpAddress address(int family, nlattr* attribute) {
  std::array<std::uint8_t, 16> bytes{};
  if (attribute != nullptr) nla_memcpy(bytes.data(), attribute, bytes.size());
  return netlink::IpAddress(family, bytes.data());
}

std::uint32_t netmask_of(const VirtualService& service) {
  unsigned length = service.persistence_prefix_length;
  if (length == 0) length = service.key.address.bits();
  if (service.key.address.is_v6()) return length;
  return htonl(length == 0 ? 0 : ~std::uint32_t{0} << (32 - length));
}

std::uint32_t prefix_length_of(int family, std::uint32_t netmask) {
  unsigned length = family == AF_INET6 ? netmask : static_cast<unsigned>(__builtin_popcount(netmask));
  return length == (family == AF_INET6 ? 128U : 32U) ? 0 : length;
}

IpvsStatistics parse_statistics(nlattr* nest) {
  IpvsStatistics statistics;
  if (nest == nullptr) return statistics;
  auto attributes = parse_nested<IPVS_STATS_ATTR_MAX>(nest);
  statistics.connections = large_number(attributes[IPVS_STATS_ATTR_CONNS]);
  statistics.packets_in = large_number(attributes[IPVS_STATS_ATTR_INPKTS]);
  statistics.packets_out = large_number(attributes[IPVS_STATS_ATTR_OUTPKTS]);
  statistics.bytes_in = large_number(attributes[IPVS_STATS_ATTR_INBYTES]);
  statistics.bytes_out = large_number(attributes[IPVS_STATS_ATTR_OUTBYTES]);
  return statistics;
}

VirtualServiceState parse_service(nlattr* nest) {
  auto attributes = parse_nested<IPVS_SVC_ATTR_MAX>(nest);
  VirtualServiceState state;
  VirtualService& service = state.service;
  int family = attributes[IPVS_SVC_ATTR_AF] == nullptr ? AF_INET : nla_get_u16(attributes[IPVS_SVC_ATTR_AF]);
  service.key.fwmark = number(attributes[IPVS_SVC_ATTR_FWMARK]);
  service.key.address = address(family, attributes[IPVS_SVC_ATTR_ADDR]);
  service.key.port = port(attributes[IPVS_SVC_ATTR_PORT]);
  if (service.key.fwmark == 0 && attributes[IPVS_SVC_ATTR_PROTOCOL] != nullptr) {
    service.key.protocol = static_cast<Protocol>(nla_get_u16(attributes[IPVS_SVC_ATTR_PROTOCOL]));
  }
  service.scheduler = text(attributes[IPVS_SVC_ATTR_SCHED_NAME]);
  service.persistence_engine = text(attributes[IPVS_SVC_ATTR_PE_NAME]);
  ip_vs_flags flags{};
  if (attributes[IPVS_SVC_ATTR_FLAGS] != nullptr) nla_memcpy(&flags, attributes[IPVS_SVC_ATTR_FLAGS], sizeof flags);
  service.flags = flags.flags & service_flags::settable;
  if ((service.flags & service_flags::persistent) != 0) {
    service.persistence_seconds = number(attributes[IPVS_SVC_ATTR_TIMEOUT]);
    service.persistence_prefix_length = prefix_length_of(family, number(attributes[IPVS_SVC_ATTR_NETMASK]));
  }
  state.statistics = parse_statistics(attributes[IPVS_SVC_ATTR_STATS64]);
  return state;
}

DestinationState parse_destination(int service_family, nlattr* nest) {
  auto attributes = parse_nested<IPVS_DEST_ATTR_MAX>(nest);
  DestinationState state;
  Destination& destination = state.destination;
  int family = service_family;
  if (attributes[IPVS_DEST_ATTR_ADDR_FAMILY] != nullptr) family = nla_get_u16(attributes[IPVS_DEST_ATTR_ADDR_FAMILY]);
  destination.address = address(family, attributes[IPVS_DEST_ATTR_ADDR]);
  destination.port = port(attributes[IPVS_DEST_ATTR_PORT]);
  destination.forwarding =
      static_cast<Forwarding>(number(attributes[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK);
  destination.weight = number(attributes[IPVS_DEST_ATTR_WEIGHT]);
  destination.upper_threshold = number(attributes[IPVS_DEST_ATTR_U_THRESH]);
  destination.lower_threshold = number(attributes[IPVS_DEST_ATTR_L_THRESH]);
  state.active_connections = number(attributes[IPVS_DEST_ATTR_ACTIVE_CONNS]);
  state.inactive_connections = number(attributes[IPVS_DEST_ATTR_INACT_CONNS]);
  state.persistent_connections = number(attributes[IPVS_DEST_ATTR_PERSIST_CONNS]);
  state.statistics = parse_statistics(attributes[IPVS_DEST_ATTR_STATS64]);
  return state;
}

void put_key(netlink::Message& message, const VirtualServiceKey& key) {
  message.put(IPVS_SVC_ATTR_AF, static_cast<std::uint16_t>(key.address.family()));
  if (key.fwmark != 0) {
    message.put(IPVS_SVC_ATTR_FWMARK, key.fwmark);
    return;
  }
  message.put(IPVS_SVC_ATTR_PROTOCOL, static_cast<std::uint16_t>(key.protocol));
  message.put(IPVS_SVC_ATTR_ADDR, key.address);
  message.put(IPVS_SVC_ATTR_PORT, static_cast<std::uint16_t>(htons(key.port)));
}

void put_service(netlink::Message& message, const VirtualService& service) {
  auto nest = message.nest(IPVS_CMD_ATTR_SERVICE);
  put_key(message, service.key);
  message.put(IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
  if (!service.persistence_engine.empty()) message.put(IPVS_SVC_ATTR_PE_NAME, service.persistence_engine);
  ip_vs_flags flags{service.flags, ~std::uint32_t{0}};
  message.put_bytes(IPVS_SVC_ATTR_FLAGS, &flags, sizeof flags);
  message.put(IPVS_SVC_ATTR_TIMEOUT, service.persistence_seconds);
  message.put(IPVS_SVC_ATTR_NETMASK, netmask_of(service));
}

class NetlinkTransport : public IpvsTransport {
 public:
  NetlinkTransport() : socket_(NETLINK_GENERIC) { find_family(); }

  std::string name() const override { return "generic netlink"; }

  IpvsInfo info() override {
    IpvsInfo info;
    socket_.get("read IPVS's version", message(IPVS_CMD_GET_INFO), [&](nlmsghdr* header) {
      auto attributes = parse_message<IPVS_INFO_ATTR_MAX>(header);
      info.version = version_text(number(attributes[IPVS_INFO_ATTR_VERSION]));
      info.connection_table_size = number(attributes[IPVS_INFO_ATTR_CONN_TAB_SIZE]);
    });
    return info;
  }

  std::vector<VirtualServiceState> list_services() override {
    std::vector<VirtualServiceState> services;
    netlink::Message request = message(IPVS_CMD_GET_SERVICE);
    socket_.dump("list virtual services", request, [&](nlmsghdr* header) {
      auto attributes = parse_message<IPVS_CMD_ATTR_MAX>(header);
      if (attributes[IPVS_CMD_ATTR_SERVICE] != nullptr) {
        services.push_back(parse_service(attributes[IPVS_CMD_ATTR_SERVICE]));
      }
    });
    return services;
  }

  std::vector<DestinationState> list_destinations(const VirtualServiceKey& service) override {
    std::vector<DestinationState> destinations;
    netlink::Message request = message(IPVS_CMD_GET_DEST);
    put_service_key(request, service);
    socket_.dump("list the destinations of " + service.to_string(), request, [&](nlmsghdr* header) {
      auto attributes = parse_message<IPVS_CMD_ATTR_MAX>(header);
      if (attributes[IPVS_CMD_ATTR_DEST] != nullptr) {
        destinations.push_back(parse_destination(service.address.family(), attributes[IPVS_CMD_ATTR_DEST]));
      }
    });
    return destinations;
  }

  void add_service(const VirtualService& service) override {
    change_service("add virtual service ", IPVS_CMD_NEW_SERVICE, service);
  }
  void edit_service(const VirtualService& service) override {
    change_service("change virtual service ", IPVS_CMD_SET_SERVICE, service);
  }
  void delete_service(const VirtualServiceKey& service) override {
    netlink::Message request = message(IPVS_CMD_DEL_SERVICE);
    put_service_key(request, service);
    socket_.request("delete virtual service " + service.to_string(), request);
  }

  void add_destination(const VirtualServiceKey& service, const Destination& destination) override {
    change_destination("add", IPVS_CMD_NEW_DEST, service, destination);
  }
  void edit_destination(const VirtualServiceKey& service, const Destination& destination) override {
    change_destination("change", IPVS_CMD_SET_DEST, service, destination);
  }
  void delete_destination(const VirtualServiceKey& service, const Destination& destination) override {
    change_destination("delete", IPVS_CMD_DEL_DEST, service, destination);
  }

  IpvsTimeouts timeouts() override {
    IpvsTimeouts timeouts;
    socket_.get("read IPVS's timeouts", message(IPVS_CMD_GET_CONFIG), [&](nlmsghdr* header) {
      auto attributes = parse_message<IPVS_CMD_ATTR_MAX>(header);
      timeouts.tcp = number(attributes[IPVS_CMD_ATTR_TIMEOUT_TCP]);
      timeouts.tcp_fin = number(attributes[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]);
      timeouts.udp = number(attributes[IPVS_CMD_ATTR_TIMEOUT_UDP]);
    });
    return timeouts;
  }

  void set_timeouts(const IpvsTimeouts& timeouts) override {
    netlink::Message request = message(IPVS_CMD_SET_CONFIG);
    request.put(IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp);
    request.put(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcp_fin);
    request.put(IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp);
    socket_.request("set IPVS's timeouts", request);
  }

  void zero_counters() override { socket_.request("reset IPVS's counters", message(IPVS_CMD_ZERO)); }
  void flush() override { socket_.request("delete all virtual services", message(IPVS_CMD_FLUSH)); }

 private:
  void find_family() {
    genlmsghdr header{CTRL_CMD_GETFAMILY, 1, 0};
    netlink::Message request(GENL_ID_CTRL, 0, header);
    request.put(CTRL_ATTR_FAMILY_NAME, std::string(IPVS_GENL_NAME));
    socket_.get("find the generic netlink family IPVS", request, [this](nlmsghdr* answer) {
      auto attributes = parse_message<CTRL_ATTR_MAX>(answer);
      if (attributes[CTRL_ATTR_FAMILY_ID] != nullptr) family_ = nla_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
    });
  }

  netlink::Message message(std::uint8_t command) const {
    return netlink::Message(family_, 0, genlmsghdr{command, IPVS_GENL_VERSION, 0});
  }

  static void put_service_key(netlink::Message& request, const VirtualServiceKey& service) {
    auto nest = request.nest(IPVS_CMD_ATTR_SERVICE);
    put_key(request, service);
  }

  void change_service(const std::string& doing, std::uint8_t command, const VirtualService& service) {
    netlink::Message request = message(command);
    put_service(request, service);
    socket_.request(doing + service.key.to_string(), request);
  }

  void change_destination(const std::string& doing, std::uint8_t command, const VirtualServiceKey& service,
                          const Destination& destination) {
    netlink::Message request = message(command);
    put_service_key(request, service);
    {
      auto nest = request.nest(IPVS_CMD_ATTR_DEST);
      request.put(IPVS_DEST_ATTR_ADDR, destination.address);
      request.put(IPVS_DEST_ATTR_PORT, static_cast<std::uint16_t>(htons(destination.port)));
      // Without it the kernel takes the service's family; a tunnel may lead from one to the other.
      request.put(IPVS_DEST_ATTR_ADDR_FAMILY, static_cast<std::uint16_t>(destination.address.family()));
      if (command != IPVS_CMD_DEL_DEST) {
        request.put(IPVS_DEST_ATTR_FWD_METHOD, static_cast<std::uint32_t>(destination.forwarding));
        request.put(IPVS_DEST_ATTR_WEIGHT, destination.weight);
        request.put(IPVS_DEST_ATTR_U_THRESH, destination.upper_threshold);
        request.put(IPVS_DEST_ATTR_L_THRESH, destination.lower_threshold);
      }
    }
    socket_.request(doing + " destination " + destination.to_string() + " of " + service.to_string(), request);
  }

  netlink::Socket socket_;
  int family_ = 0;
};

}  // namespace

std::unique_ptr<IpvsTransport> make_netlink_transport() {
  return std::make_unique<NetlinkTransport>();
}

}  // namespace netfilter
