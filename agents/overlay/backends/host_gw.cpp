#include "agents/overlay/backends/host_gw.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <map>
#include <optional>

#include "lib/base/error.h"
#include "lib/netlink/route.h"

namespace overlay {
namespace {

using Routes = std::map<netlink::Prefix, netlink::IpAddress>;  // destination to gateway

bool is_on_link(const ExternalInterface& interface, const netlink::IpAddress& address) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [&](const netlink::Prefix& own) { return own.contains(address); });
}

class HostGwBackend : public Backend {
 public:
  explicit HostGwBackend(netlink::Socket& socket) : socket_(socket) {}

  const std::string& type() const override { return type_; }
  std::string data() const override { return "null"; }
  std::uint32_t mtu(const ExternalInterface& interface) const override { return interface.mtu; }

  Report program(const Self& self, const std::vector<Lease>& peers) override {
    if (self.public_ip != self.interface.address()) {
      throw base::Error("host-gw: this node's public address " + self.public_ip.to_string() + " is not that of link " +
                        self.interface.name + " (" + self.interface.address().to_string() +
                        "): behind NAT nobody can route to its pods")
          .with_mend("use --backend=vxlan");
    }
    Report report;
    Routes wanted = routes_to(self, peers, report);
    Routes actual = read_routes(self);
    if (!programmed_) programmed_ = actual;
    for (const auto& [destination, gateway] : *programmed_) {
      if (wanted.count(destination) == 0 && actual.count(destination) > 0) {
        change(self, destination, gateway, netlink::delete_route, "removed the route to ", report);
      }
    }
    for (const auto& [destination, gateway] : wanted) {
      auto found = actual.find(destination);
      if (found != actual.end() && found->second == gateway) continue;
      change(self, destination, gateway, netlink::replace_route, "route to ", report);
    }
    programmed_ = std::move(wanted);
    return report;
  }

  bool is_concerned(nlmsghdr* change) const override {
    if (change->nlmsg_type != RTM_NEWROUTE && change->nlmsg_type != RTM_DELROUTE) return false;
    auto route = netlink::parse_route(change);
    return route && programmed_ && programmed_->count(route->destination) > 0;
  }

 private:
  static Routes routes_to(const Self& self, const std::vector<Lease>& peers, Report& report) {
    Routes routes;
    for (const Lease& peer : peers) {
      std::string why;
      if (peer.backend_type != "host-gw") {
        why = "its backend is " + peer.backend_type + ", not host-gw";
      } else if (!is_on_link(self.interface, peer.public_ip)) {
        why = "its address " + peer.public_ip.to_string() + " is not on the network of link " + self.interface.name +
              " (host-gw needs all nodes on one; --backend=vxlan does not)";
      } else if (!routes.emplace(peer.subnet, peer.public_ip).second) {
        why = "its subnet " + peer.subnet.to_string() + " is that of another node";
      }
      if (!why.empty()) report.failures.push_back("no route to the pods of node " + peer.node + ": " + why);
    }
    return routes;
  }

  // Of pods: other routes of the node are none of our business.
  Routes read_routes(const Self& self) {
    Routes routes;
    for (const netlink::RouteInfo& info : netlink::list_routes(socket_)) {
      bool ours = info.link == self.interface.index && info.via && self.network.contains(info.destination.address) &&
                  info.destination.length >= self.network.length;
      if (ours) routes[info.destination] = *info.via;
    }
    return routes;
  }

  void change(const Self& self, const netlink::Prefix& destination, const netlink::IpAddress& gateway,
              void (*apply)(netlink::Socket&, const netlink::Route&), const std::string& what, Report& report) {
    try {
      apply(socket_, {destination, gateway, self.interface.name, std::nullopt, false, std::nullopt});
      report.changes.push_back(what + destination.to_string() + " via " + gateway.to_string());
    } catch (const base::Error& error) {
      report.failures.push_back(error.what());
    }
  }

  const std::string type_ = "host-gw";
  netlink::Socket& socket_;
  std::optional<Routes> programmed_;
};

}  // namespace

std::unique_ptr<Backend> make_host_gw(netlink::Socket& socket) {
  return std::make_unique<HostGwBackend>(socket);
}

}  // namespace overlay
