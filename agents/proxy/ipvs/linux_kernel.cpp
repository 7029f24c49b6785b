#include "agents/proxy/ipvs/linux_kernel.h"

#include <sys/socket.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/dummy.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"

namespace proxy::ipvs {
namespace {

using netfilter::Iptables;
using netlink::IpAddress;
using netlink::Prefix;

Iptables choose_iptables(Family family) {
  return Iptables::choose(family == Family::ipv4 ? Iptables::Family::ipv4 : Iptables::Family::ipv6,
                          {"-m addrtype --dst-type LOCAL -j RETURN", "-m physdev ! --physdev-is-in -j RETURN",
                           "-m conntrack --ctstate NEW -j RETURN", "-m mark --mark 0x4000/0x4000 -j RETURN",
                           "-m comment --comment \"masquerade at random\" -j MASQUERADE --random-fully"},
                          "KUBE-");
}

bool is_node_address(const IpAddress& address, Family family) {
  static const Prefix loopback = *Prefix::parse("127.0.0.0/8");
  static const Prefix loopback6 = *Prefix::parse("::1/128");
  static const Prefix link_local6 = *Prefix::parse("fe80::/10");
  return family_of(address) == family && !loopback.contains(address) && !loopback6.contains(address) &&
         !link_local6.contains(address);
}

Prefix alone(const IpAddress& address) {
  return {address, address.bits()};
}

}  // namespace

std::vector<IpAddress> node_addresses(netlink::Socket& routes, Family family) {
  std::optional<netlink::LinkInfo> device = netlink::find_link(routes, device_name);
  std::set<IpAddress> addresses;
  for (const netlink::AddressInfo& info : netlink::list_addresses(routes)) {
    bool bound = device && info.link == device->index;
    if (!bound && is_node_address(info.address.address, family)) addresses.insert(info.address.address);
  }
  return {addresses.begin(), addresses.end()};
}

void probe_scheduler(netfilter::Ipvs& ipvs, const std::string& scheduler) {
  std::vector<netfilter::VirtualServiceState> services = ipvs.list_services();
  bool in_use = std::any_of(services.begin(), services.end(),
                            [&](const auto& state) { return state.service.scheduler == scheduler; });
  if (in_use) return;
  netfilter::VirtualService probe;
  probe.key.address = *IpAddress::parse("198.51.100.0");
  probe.key.port = 20000;
  probe.scheduler = scheduler;
  base::in_context("try the scheduler " + scheduler, [&] {
    ipvs.add_service(probe);
    ipvs.delete_service(probe.key);
  });
}

LinuxKernel::LinuxKernel(std::shared_ptr<KernelClients> clients, Family family)
    : clients_(std::move(clients)), family_(family), iptables_(choose_iptables(family)) {}

std::string LinuxKernel::description() const {
  return iptables_.program() + ", IPVS by " + clients_->ipvs.interface_name();
}

std::optional<std::string> LinuxKernel::read_sysctl(const std::string& name) {
  if (!netlink::has_sysctl(name)) return std::nullopt;
  return netlink::read_sysctl(name);
}
void LinuxKernel::write_sysctl(const std::string& name, const std::string& value) {
  netlink::write_sysctl(name, value);
}

std::vector<IpAddress> LinuxKernel::node_addresses() {
  return ipvs::node_addresses(clients_->routes, family_);
}

std::optional<std::set<IpAddress>> LinuxKernel::bound_addresses() {
  std::optional<netlink::LinkInfo> device = netlink::find_link(clients_->routes, device_name);
  if (!device) return std::nullopt;
  std::set<IpAddress> addresses;
  for (const netlink::AddressInfo& info : netlink::list_addresses(clients_->routes)) {
    if (info.link == device->index && is_node_address(info.address.address, family_)) {
      addresses.insert(info.address.address);
    }
  }
  return addresses;
}

// Left down: its addresses are local all the same, and nobody ever asks for them by ARP.
void LinuxKernel::create_device() {
  netlink::NewLink link;
  link.name = device_name;
  link.no_arp = true;
  netlink::create_dummy(clients_->routes, link);
}
void LinuxKernel::delete_device() {
  netlink::delete_link(clients_->routes, device_name);
}
void LinuxKernel::bind(const IpAddress& address) {
  netlink::add_address(clients_->routes, device_name, alone(address));
}
void LinuxKernel::unbind(const IpAddress& address) {
  netlink::delete_address(clients_->routes, device_name, alone(address));
}

std::map<std::string, std::set<std::string>> LinuxKernel::read_sets() {
  std::map<std::string, std::set<std::string>> sets;
  for (netfilter::IpSetState& state : clients_->sets.list()) sets[state.name] = std::move(state.entries);
  return sets;
}

size_t LinuxKernel::delete_connections(const std::function<bool(const netfilter::ConntrackEntry&)>& stale) {
  if (!clients_->conntrack) clients_->conntrack.emplace();
  return clients_->conntrack->remove_if(stale, family_ == Family::ipv4 ? AF_INET : AF_INET6);
}

}  // namespace proxy::ipvs
