#include "labctl/supervisor/ipvs.h"

#include <algorithm>

#include "lib/netfilter/ipvs.h"

namespace supervisor {
namespace {

netfilter::Forwarding forwarding(topology::Forwarding forward) {
  switch (forward) {
    case topology::Forwarding::nat:
      return netfilter::Forwarding::nat;
    case topology::Forwarding::dr:
      return netfilter::Forwarding::direct_routing;
    case topology::Forwarding::tun:
      return netfilter::Forwarding::tunnel;
  }
  return netfilter::Forwarding::nat;
}

netfilter::VirtualService virtual_service(const topology::IpvsService& from) {
  netfilter::VirtualService service;
  service.key.protocol = from.protocol == "udp" ? netfilter::Protocol::udp : netfilter::Protocol::tcp;
  service.key.address = from.address;
  service.key.port = from.port;
  service.scheduler = from.scheduler;
  if (from.persistent) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*from.persistent);
    service.set_persistence(static_cast<std::uint32_t>(seconds.count()));
  }
  return service;
}

std::vector<netfilter::Destination> destinations(const topology::IpvsService& from) {
  std::vector<netfilter::Destination> all;
  for (const topology::IpvsServer& server : from.servers) {
    all.push_back({server.address, server.port, forwarding(from.forward), server.weight});
  }
  return all;
}

const netfilter::Destination* find(const std::vector<netfilter::Destination>& all,
                                   const netfilter::Destination& wanted) {
  auto found = std::find_if(all.begin(), all.end(), [&](const netfilter::Destination& it) {
    return it.address == wanted.address && it.port == wanted.port;
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

void add_ipvs_service(const base::FileDescriptor& network, const topology::IpvsService& added) {
  netfilter::Ipvs ipvs = netfilter::Ipvs::open_in(network);
  netfilter::VirtualService service = virtual_service(added);
  ipvs.add_service(service);
  for (const netfilter::Destination& it : destinations(added)) ipvs.add_destination(service.key, it);
}

void remove_ipvs_service(const base::FileDescriptor& network, const topology::IpvsService& removed) {
  netfilter::Ipvs::open_in(network).delete_service(virtual_service(removed).key);
}

void change_ipvs_service(const base::FileDescriptor& network, const topology::IpvsService& before,
                         const topology::IpvsService& after) {
  netfilter::Ipvs ipvs = netfilter::Ipvs::open_in(network);
  netfilter::VirtualService service = virtual_service(after);
  ipvs.edit_service(service);
  // By what the kernel has: an earlier attempt may have come halfway, and servers added by hand stay.
  std::vector<netfilter::Destination> there, old = destinations(before), now = destinations(after);
  for (const netfilter::DestinationState& it : ipvs.list_destinations(service.key)) there.push_back(it.destination);
  for (const netfilter::Destination& it : now) {
    const netfilter::Destination* was = find(old, it);
    if (find(there, it) == nullptr) {
      ipvs.add_destination(service.key, it);
    } else if (was == nullptr || *was != it) {
      ipvs.edit_destination(service.key, it);
    }
  }
  for (const netfilter::Destination& it : old) {
    if (find(now, it) == nullptr && find(there, it) != nullptr) ipvs.delete_destination(service.key, it);
  }
}

}  // namespace supervisor
