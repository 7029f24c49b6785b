#include "agents/proxy/ipvs/linux_kernel.h"

#include <algorithm>

#include "agents/proxy/node.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/dummy.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"

namespace proxy::ipvs {
namespace {

using netlink::IpAddress;
using netlink::Prefix;

Prefix alone(const IpAddress& address) {
  return {address, address.bits()};
}

}  // namespace

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
    : clients_(std::move(clients)),
      family_(family),
      tables_(family, {"nat", "filter"}, {"-m physdev ! --physdev-is-in -j RETURN"}) {}

std::string LinuxKernel::description() const {
  return tables_.program() + ", IPVS by " + clients_->ipvs.interface_name();
}

std::optional<std::string> LinuxKernel::read_sysctl(const std::string& name) {
  if (!netlink::has_sysctl(name)) return std::nullopt;
  return netlink::read_sysctl(name);
}
void LinuxKernel::write_sysctl(const std::string& name, const std::string& value) {
  netlink::write_sysctl(name, value);
}

std::vector<IpAddress> LinuxKernel::node_addresses() {
  return proxy::node_addresses(clients_->routes, family_, device_name);
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

}  // namespace proxy::ipvs
