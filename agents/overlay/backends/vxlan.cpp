#include "agents/overlay/backends/vxlan.h"

#include <linux/rtnetlink.h>

#include <functional>

#include "agents/overlay/device_address.h"
#include "agents/overlay/tunnels.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/vxlan.h"
#include "lib/netlink/route.h"

namespace overlay {
namespace {

// Outer IPv4 (20), UDP (8) and VXLAN (8) headers, and the inner Ethernet header (14).
constexpr std::uint32_t encapsulation = 50;
constexpr std::uint16_t kernel_default_port = 8472;

// Undoes, last first, what was added, unless all of it succeeded.
class Undo {
 public:
  ~Undo() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      try {
        (*step)();
      } catch (const base::Error&) {
        // The failure that leads here is the one to report.
      }
    }
  }
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void keep() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

template <class Map, class Key, class Value>
bool holds(const Map& map, const Key& key, const Value& value) {
  auto found = map.find(key);
  return found != map.end() && found->second == value;
}

class VxlanBackend : public Backend {
 public:
  VxlanBackend(netlink::Socket& socket, const BackendOptions& options)
      : socket_(socket),
        vni_(options.vni),
        port_(options.vxlan_port),
        device_("flannel." + std::to_string(options.vni)),
        mac_(choose_mac(options)) {}

  const std::string& type() const override { return type_; }
  std::string data() const override { return vxlan_data(vni_, mac_); }
  std::uint32_t mtu(const ExternalInterface& interface) const override { return interface.mtu - encapsulation; }

  Report program(const Self& self, const std::vector<Lease>& peers) override {
    Report report;
    ensure_device(self, report);
    Tunnels wanted = tunnels_of(peers, vni_);
    report.failures = wanted.refused;
    Forwarding actual = read_forwarding();
    Forwarding target = forwarding_for(wanted.tunnels);
    // What an earlier run has left is ours as well.
    remove(outdated(programmed_ ? *programmed_ : actual, target), actual, report);
    for (const Tunnel& tunnel : wanted.tunnels) connect(tunnel, actual, report);
    programmed_ = std::move(target);
    return report;
  }

  bool is_concerned(nlmsghdr* change) const override {
    switch (change->nlmsg_type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
        return netlink::parse_link(change).name == device_;
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        auto address = netlink::parse_address(change);
        return address && address->link == device_index_;
      }
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH: {
        auto neighbour = netlink::parse_neighbour(change);
        return neighbour && neighbour->link == device_index_;
      }
      case RTM_NEWROUTE:
      case RTM_DELROUTE: {
        auto route = netlink::parse_route(change);
        return route && programmed_ && programmed_->routes.count(route->destination) > 0;
      }
    }
    return false;
  }

 private:
  // One that the other nodes know already spares them a change: that of the last announcement, or of a device that is
  // still there. A new one derives from the node's name, so that it is the same each time.
  netlink::MacAddress choose_mac(const BackendOptions& options) {
    if (auto announced = vtep_mac(options.previous_data)) return *announced;
    if (netlink::find_vxlan(socket_, device_)) return netlink::get_link(socket_, device_).mac;
    return netlink::MacAddress::derived_from(options.node + "/" + device_);
  }

  bool fits(const netlink::LinkInfo& link, const Self& self) {
    std::optional<netlink::Vxlan> vxlan = netlink::find_vxlan(socket_, device_);
    return vxlan && link.mac == mac_ && vxlan->vni == vni_ && !vxlan->learning &&
           vxlan->port == (port_ == 0 ? kernel_default_port : port_) && vxlan->device == self.interface.index &&
           vxlan->local == self.interface.address();
  }

  void ensure_device(const Self& self, Report& report) {
    std::optional<netlink::LinkInfo> link = netlink::find_link(socket_, device_);
    if (link && !fits(*link, self)) {
      netlink::delete_link(socket_, device_);
      report.changes.push_back("removed device " + device_ + ", which was made for something else");
      link.reset();
    }
    if (!link) {
      create_device(self);
      report.changes.push_back("created device " + device_ + " on " + self.interface.name);
      link = netlink::get_link(socket_, device_);
    }
    device_index_ = link->index;
    if (link->mtu != mtu(self.interface)) netlink::set_link_mtu(socket_, device_, mtu(self.interface));
    ensure_device_address(socket_, device_, device_index_, self.subnet, report);
    if (!link->up) {
      netlink::set_link_up(socket_, device_);
      report.changes.push_back("set device " + device_ + " up");
    }
  }

  void create_device(const Self& self) {
    netlink::NewLink link;
    link.name = device_;
    link.mac = mac_;
    link.mtu = mtu(self.interface);
    link.up = true;
    netlink::Vxlan vxlan;
    vxlan.vni = vni_;
    vxlan.port = port_;
    vxlan.local = self.interface.address();
    vxlan.device = self.interface.index;
    vxlan.learning = false;  // every forwarding entry comes from a lease
    netlink::create_vxlan(socket_, link, vxlan);
  }

  Forwarding read_forwarding() {
    Forwarding actual;
    for (const netlink::NeighbourInfo& info : netlink::list_neighbours(socket_, AF_INET)) {
      if (info.link != device_index_ || !info.permanent || !info.address || !info.mac) continue;
      actual.neighbours[*info.address] = *info.mac;
    }
    for (const netlink::NeighbourInfo& info : netlink::list_neighbours(socket_, AF_BRIDGE)) {
      if (info.link != device_index_ || !info.address || !info.mac) continue;
      actual.entries[*info.mac] = *info.address;
    }
    for (const netlink::RouteInfo& info : netlink::list_routes(socket_)) {
      if (info.link == device_index_ && info.via && info.onlink) actual.routes[info.destination] = *info.via;
    }
    return actual;
  }

  netlink::Route route(const netlink::Prefix& destination, const netlink::IpAddress& gateway) const {
    return {destination, gateway, device_, std::nullopt, true, std::nullopt};
  }

  // The route last: with it the kernel begins to ask for the gateway's MAC, which must be known by then.
  void connect(const Tunnel& tunnel, const Forwarding& actual, Report& report) {
    Undo undo;
    bool changed = false;
    auto step = [&](bool there, const std::function<void()>& add, std::function<void()> remove) {
      if (there) return;
      add();
      undo.add(std::move(remove));
      changed = true;
    };
    try {
      step(
          holds(actual.neighbours, tunnel.gateway(), tunnel.mac),
          [&] { netlink::replace_neighbour(socket_, device_, tunnel.gateway(), tunnel.mac); },
          [&] { netlink::delete_neighbour(socket_, device_, tunnel.gateway()); });
      step(
          holds(actual.entries, tunnel.mac, tunnel.public_ip),
          [&] { netlink::replace_forwarding_entry(socket_, device_, tunnel.mac, tunnel.public_ip); },
          [&] { netlink::delete_forwarding_entry(socket_, device_, tunnel.mac, tunnel.public_ip); });
      step(
          holds(actual.routes, tunnel.subnet, tunnel.gateway()),
          [&] { netlink::replace_route(socket_, route(tunnel.subnet, tunnel.gateway())); }, [] {});
      undo.keep();
    } catch (const base::Error& error) {
      report.failures.push_back(error.within("tunnel to node " + tunnel.node).what());
      return;
    }
    if (!changed) return;
    report.changes.push_back("tunnel to node " + tunnel.node + ": " + tunnel.subnet.to_string() + " at " +
                             tunnel.public_ip.to_string());
  }

  // In the opposite order: no packet is to meet half a tunnel. What ACTUAL lacks is gone already.
  void remove(const Forwarding& old, const Forwarding& actual, Report& report) {
    auto attempt = [&](const std::function<void()>& step) {
      try {
        step();
      } catch (const base::Error& error) {
        report.failures.push_back(error.what());
      }
    };
    for (const auto& [destination, gateway] : old.routes) {
      if (!holds(actual.routes, destination, gateway)) continue;
      attempt([&, &to = destination, &via = gateway] {
        netlink::delete_route(socket_, route(to, via));
        report.changes.push_back("removed the tunnel to " + to.to_string());
      });
    }
    for (const auto& [mac, end_point] : old.entries) {
      if (!holds(actual.entries, mac, end_point)) continue;
      attempt([&, &to = mac, &at = end_point] { netlink::delete_forwarding_entry(socket_, device_, to, at); });
    }
    for (const auto& [address, mac] : old.neighbours) {
      if (!holds(actual.neighbours, address, mac)) continue;
      attempt([&, &neighbour = address] { netlink::delete_neighbour(socket_, device_, neighbour); });
    }
  }

  const std::string type_ = "vxlan";
  netlink::Socket& socket_;
  std::uint32_t vni_;
  std::uint16_t port_;
  std::string device_;
  netlink::MacAddress mac_;
  std::uint32_t device_index_ = 0;
  std::optional<Forwarding> programmed_;
};

}  // namespace

std::unique_ptr<Backend> make_vxlan(netlink::Socket& socket, const BackendOptions& options) {
  return std::make_unique<VxlanBackend>(socket, options);
}

}  // namespace overlay
