#include "agents/overlay/backends/udp.h"

#include <linux/rtnetlink.h>
#include <unistd.h>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <map>

#include "agents/overlay/device_address.h"
#include "agents/overlay/ip_packet.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/tun.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"

namespace overlay {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

const std::string device = "flannel0";
// Outer IPv4 (20) and UDP (8) headers.
constexpr std::uint32_t encapsulation = 28;
// Of packets from one side before the other side, timers and the API have their turn.
constexpr int most_at_once = 64;

asio::ip::address_v4 to_asio(const netlink::IpAddress& address) {
  asio::ip::address_v4::bytes_type bytes;
  std::memcpy(bytes.data(), address.bytes(), bytes.size());
  return asio::ip::address_v4(bytes);
}

class UdpBackend : public Backend {
 public:
  UdpBackend(netlink::Socket& socket, asio::io_context& loop)
      : socket_(socket), tun_(loop), tunnel_(loop), buffer_(65536, '\0') {}

  const std::string& type() const override { return type_; }
  std::string data() const override { return "null"; }
  std::uint32_t mtu(const ExternalInterface& interface) const override { return interface.mtu - encapsulation; }

  Report program(const Self& self, const std::vector<Lease>& peers) override {
    Report report;
    ensure_socket(self, report);
    ensure_device(self, report);
    std::map<netlink::Prefix, netlink::IpAddress> wanted = ways_to(peers, report);
    for (const auto& [subnet, node] : wanted) {
      auto known = ways_.find(subnet);
      if (known != ways_.end() && known->second == node) continue;
      report.changes.push_back("packets for " + subnet.to_string() + " go to " + node.to_string());
    }
    for (const auto& [subnet, node] : ways_) {
      if (wanted.count(subnet) == 0) report.changes.push_back("packets for " + subnet.to_string() + " go nowhere");
    }
    ways_ = std::move(wanted);
    return report;
  }

  bool is_concerned(nlmsghdr* change) const override {
    switch (change->nlmsg_type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
        return netlink::parse_link(change).name == device;
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        auto address = netlink::parse_address(change);
        return address && address->link == device_index_;
      }
      case RTM_NEWROUTE:
      case RTM_DELROUTE: {
        auto route = netlink::parse_route(change);
        return route && route->destination == network_;
      }
    }
    return false;
  }

 private:
  static std::map<netlink::Prefix, netlink::IpAddress> ways_to(const std::vector<Lease>& peers, Report& report) {
    std::map<netlink::Prefix, netlink::IpAddress> ways;
    for (const Lease& peer : peers) {
      std::string why;
      // flanneld's udp backend announces no type at all.
      if (peer.backend_type != "udp" && !peer.backend_type.empty()) {
        why = "its backend is " + peer.backend_type + ", not udp";
      } else if (!ways.emplace(peer.subnet, peer.public_ip).second) {
        why = "its subnet " + peer.subnet.to_string() + " is that of another node";
      }
      if (!why.empty()) report.failures.push_back("no way to the pods of node " + peer.node + ": " + why);
    }
    return ways;
  }

  // ---- what the kernel has of it

  void ensure_socket(const Self& self, Report& report) {
    udp::endpoint own(to_asio(self.interface.address()), udp_port);
    if (tunnel_.is_open() && own == bound_) return;
    boost::system::error_code ignored;
    tunnel_.close(ignored);
    try {
      tunnel_.open(udp::v4());
      tunnel_.non_blocking(true);
      tunnel_.bind(own);
    } catch (const boost::system::system_error& error) {
      tunnel_.close(ignored);
      throw base::Error("udp: listen on " + netlink::endpoint_text(self.interface.address(), udp_port) + ": " +
                        error.code().message());
    }
    bound_ = own;
    report.changes.push_back("listens on " + netlink::endpoint_text(self.interface.address(), udp_port));
    await_datagrams();
  }

  void ensure_device(const Self& self, Report& report) {
    network_ = self.network;
    own_address_ = self.subnet.network().address;
    std::optional<netlink::LinkInfo> link = netlink::find_link(socket_, device);
    if (!link || link->index != device_index_) {
      if (link) throw base::Error("udp: a device " + device + " is there already").with_mend("ip link del " + device);
      boost::system::error_code ignored;
      tun_.close(ignored);
      tun_.assign(netlink::open_tun(device, netlink::TunMode::tun).release());
      report.changes.push_back("created device " + device);
      link = netlink::get_link(socket_, device);
      device_index_ = link->index;
      // What this process says of unreachable networks comes in by the device, and from the node's own address, which
      // the kernel takes for forged otherwise (fib_validate_source() in net/ipv4/fib_frontend.c).
      netlink::write_sysctl("net.ipv4.conf." + device + ".accept_local", "1");
      await_packets();
    }
    if (link->mtu != mtu(self.interface)) netlink::set_link_mtu(socket_, device, mtu(self.interface));
    ensure_device_address(socket_, device, device_index_, self.subnet, report);
    if (!link->up) {
      netlink::set_link_up(socket_, device);
      report.changes.push_back("set device " + device + " up");
    }
    ensure_route(report);
  }

  // This node's own pods are behind a longer prefix, their bridge's.
  void ensure_route(Report& report) {
    for (const netlink::RouteInfo& info : netlink::list_routes(socket_)) {
      if (info.destination == network_ && info.link == device_index_) return;
    }
    netlink::Route route;
    route.destination = network_;
    route.device = device;
    netlink::replace_route(socket_, route);
    report.changes.push_back("route to " + network_.to_string() + " by " + device);
  }

  // ---- packets

  void await_packets() {
    tun_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& failure) {
      // Deleted under it, the device only gives errors: the next program() makes another.
      if (!failure && forward_packets()) await_packets();
    });
  }

  bool forward_packets() {
    for (int i = 0; i < most_at_once; ++i) {
      ssize_t size = ::read(tun_.native_handle(), buffer_.data(), buffer_.size());
      if (size < 0) return errno == EAGAIN || errno == EINTR;
      forward(buffer_.substr(0, static_cast<size_t>(size)));
    }
    return true;
  }

  void forward(std::string packet) {
    std::optional<netlink::IpAddress> destination = destination_of(packet);
    if (!destination) return;
    const netlink::IpAddress* node = way_to(*destination);
    if (node == nullptr) {
      if (std::optional<std::string> answer = network_unreachable(packet, own_address_)) give_to_kernel(*answer);
      return;
    }
    if (!decrement_time_to_live(packet)) return;
    boost::system::error_code lost;
    tunnel_.send_to(asio::buffer(packet), udp::endpoint(to_asio(*node), udp_port), 0, lost);
  }

  const netlink::IpAddress* way_to(const netlink::IpAddress& destination) const {
    for (const auto& [subnet, node] : ways_) {
      if (subnet.contains(destination)) return &node;
    }
    return nullptr;
  }

  void await_datagrams() {
    tunnel_.async_wait(udp::socket::wait_read, [this](const boost::system::error_code& failure) {
      if (failure) return;
      take_datagrams();
      await_datagrams();
    });
  }

  void take_datagrams() {
    for (int i = 0; i < most_at_once; ++i) {
      udp::endpoint from;
      boost::system::error_code failure;
      size_t size = tunnel_.receive_from(asio::buffer(buffer_), from, 0, failure);
      if (failure) return;
      std::string packet = buffer_.substr(0, size);
      if (destination_of(packet) && decrement_time_to_live(packet)) give_to_kernel(packet);
    }
  }

  void give_to_kernel(const std::string& packet) {
    // What does not fit into the device's queue is lost, as on any link.
    [[maybe_unused]] ssize_t written = ::write(tun_.native_handle(), packet.data(), packet.size());
  }

  const std::string type_ = "udp";
  netlink::Socket& socket_;
  asio::posix::stream_descriptor tun_;
  udp::socket tunnel_;
  udp::endpoint bound_;
  std::string buffer_;
  std::uint32_t device_index_ = 0;
  netlink::Prefix network_;
  netlink::IpAddress own_address_;
  std::map<netlink::Prefix, netlink::IpAddress> ways_;  // a node's pods, and where it is reached
};

}  // namespace

std::unique_ptr<Backend> make_udp(netlink::Socket& socket, asio::io_context& loop) {
  return std::make_unique<UdpBackend>(socket, loop);
}

}  // namespace overlay
