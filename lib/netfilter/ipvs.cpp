#include "lib/netfilter/ipvs.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lib/base/error.h"
#include "lib/netfilter/ipvs_transport.h"
#include "lib/netlink/network_namespace.h"

namespace netfilter {
namespace {

std::string address_and_port(const netlink::IpAddress& address, std::uint16_t port) {
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), port)
                         : fmt::format("{}:{}", address.to_string(), port);
}

constexpr std::array<std::pair<const char*, Forwarding>, 11> forwarding_names{{
    {"nat", Forwarding::nat},
    {"masq", Forwarding::nat},
    {"tunnel", Forwarding::tunnel},
    {"tun", Forwarding::tunnel},
    {"ipip", Forwarding::tunnel},
    {"direct-routing", Forwarding::direct_routing},
    {"dr", Forwarding::direct_routing},
    {"direct", Forwarding::direct_routing},
    {"route", Forwarding::direct_routing},
    {"droute", Forwarding::direct_routing},
    {"local", Forwarding::local},
}};

bool refused(const base::Error& error) {
  return error.error_number() == EPERM || error.error_number() == EACCES;
}

base::Error no_ipvs(const base::Error& cause) {
  return base::Error::system("open IPVS", cause.error_number())
      .with_words("the kernel serves no IP virtual server here")
      .with_mend("`sudo modprobe ip_vs`, or a lab with a kernel of its own");
}

std::unique_ptr<IpvsTransport> open_transport() {
  try {
    auto transport = make_netlink_transport();
    // The family is there for everybody; only a command tells whether this user may use it.
    transport->info();
    return transport;
  } catch (const base::Error& error) {
    if (!refused(error)) throw no_ipvs(error);
  }
  try {
    return make_socket_option_transport();
  } catch (const base::Error& error) {
    throw no_ipvs(error);
  }
}

}  // namespace

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", (version >> 16) & 0xff, (version >> 8) & 0xff, version & 0xff);
}

std::string VirtualServiceKey::to_string() const {
  if (fwmark != 0) return fmt::format("fwmark {}{}", fwmark, address.is_v6() ? " IPv6" : "");
  return lower_case(protocol) + " " + address_and_port(address, port);
}

std::string Destination::to_string() const {
  return address_and_port(address, port);
}

std::optional<Forwarding> parse_forwarding(std::string_view text) {
  for (const auto& [name, forwarding] : forwarding_names) {
    std::string_view known = name;
    if (known.size() == text.size() && ::strncasecmp(name, text.data(), text.size()) == 0) return forwarding;
  }
  return std::nullopt;
}

std::string to_string(Forwarding forwarding) {
  for (const auto& [name, known] : forwarding_names) {
    if (known == forwarding) return name;
  }
  return "nat";
}

Ipvs::Ipvs() : transport_(open_transport()) {}
Ipvs::Ipvs(Ipvs&&) noexcept = default;
Ipvs& Ipvs::operator=(Ipvs&&) noexcept = default;
Ipvs::~Ipvs() = default;

Ipvs Ipvs::open_in(const base::FileDescriptor& network_namespace) {
  std::optional<Ipvs> ipvs;
  netlink::in_namespace(network_namespace, [&] { ipvs.emplace(); });
  return std::move(*ipvs);
}

IpvsInfo Ipvs::info() {
  return transport_->info();
}
std::string Ipvs::interface_name() const {
  return transport_->name();
}

std::vector<VirtualServiceState> Ipvs::list() {
  std::vector<VirtualServiceState> services = transport_->list_services();
  for (VirtualServiceState& state : services) {
    state.destinations = transport_->list_destinations(state.service.key);
  }
  return services;
}

std::vector<VirtualServiceState> Ipvs::list_services() {
  return transport_->list_services();
}
std::vector<DestinationState> Ipvs::list_destinations(const VirtualServiceKey& service) {
  return transport_->list_destinations(service);
}

void Ipvs::add_service(const VirtualService& service) {
  try {
    transport_->add_service(service);
  } catch (const base::Error& error) {
    if (error.error_number() != ENOENT) throw;
    throw error.with_mend("the kernel has no scheduler \"" + service.scheduler + "\"");
  }
}
void Ipvs::edit_service(const VirtualService& service) {
  transport_->edit_service(service);
}
void Ipvs::delete_service(const VirtualServiceKey& service) {
  transport_->delete_service(service);
}
void Ipvs::add_destination(const VirtualServiceKey& service, const Destination& destination) {
  transport_->add_destination(service, destination);
}
void Ipvs::edit_destination(const VirtualServiceKey& service, const Destination& destination) {
  transport_->edit_destination(service, destination);
}
void Ipvs::delete_destination(const VirtualServiceKey& service, const Destination& destination) {
  transport_->delete_destination(service, destination);
}
IpvsTimeouts Ipvs::timeouts() {
  return transport_->timeouts();
}
void Ipvs::set_timeouts(const IpvsTimeouts& timeouts) {
  transport_->set_timeouts(timeouts);
}
void Ipvs::zero_counters() {
  transport_->zero_counters();
}
void Ipvs::flush() {
  transport_->flush();
}

}  // namespace netfilter
