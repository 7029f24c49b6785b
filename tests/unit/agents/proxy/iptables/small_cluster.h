// A node with three pods, a client outside, and a gateway to everywhere, each a network namespace with a cable to the
// node: what real packets do under the rules.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/agents/proxy/objects.h"

namespace proxy {

// For system calls, of either family.
class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const std::string& address, std::uint16_t port) {
    netlink::IpAddress parsed = ip(address);
    storage_.ss_family = static_cast<sa_family_t>(parsed.family());
    std::memcpy(bytes(), parsed.bytes(), parsed.size());
    // Both families have the port in the same place.
    reinterpret_cast<sockaddr_in*>(&storage_)->sin_port = htons(port);
    size = parsed.is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage_); }
  int family() const { return storage_.ss_family; }
  std::string text() { return netlink::IpAddress(storage_.ss_family, bytes()).to_string(); }

  socklen_t size = sizeof(sockaddr_storage);

 private:
  void* bytes() {
    if (storage_.ss_family == AF_INET6) return &reinterpret_cast<sockaddr_in6*>(&storage_)->sin6_addr;
    return &reinterpret_cast<sockaddr_in*>(&storage_)->sin_addr;
  }

  sockaddr_storage storage_{};
};

// Whether one of DESCRIPTORS becomes ready for EVENT within the time.
inline bool wait_for(std::vector<int> descriptors, short event, int milliseconds) {
  std::vector<pollfd> polled;
  for (int descriptor : descriptors) polled.push_back({descriptor, event, 0});
  return ::poll(polled.data(), polled.size(), milliseconds) > 0;
}

inline base::FileDescriptor make_socket(const base::FileDescriptor& network_namespace, int type, int family = AF_INET) {
  base::FileDescriptor made;
  netlink::in_namespace(network_namespace, [&] {
    made = base::FileDescriptor(
        base::check_system("make a socket", ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  });
  return made;
}

inline void bind_to(const base::FileDescriptor& socket, const std::string& address, std::uint16_t port) {
  SocketAddress name(address, port);
  base::check_system("bind", ::bind(socket.get(), name.get(), name.size));
}

inline netlink::Prefix in_subnet(const std::string& address) {
  return {ip(address), ip(address).is_v6() ? 64U : 24U};
}

inline netlink::Route everywhere_by(const std::string& gateway) {
  netlink::Route route;
  route.destination = prefix(ip(gateway).is_v6() ? "::/0" : "0.0.0.0/0");
  route.via = ip(gateway);
  return route;
}

// A machine with one cable to the node, which is its way to everywhere.
class Machine {
 public:
  // The node's end is called NAME and has NODE_ADDRESS.
  Machine(netlink::Socket& node, const std::string& name, const std::string& own, const std::string& node_address)
      : address(own), network_namespace(netlink::create_network_namespace()) {
    netlink::NewLink near, far;
    near.name = name;
    near.up = true;
    far.name = "eth0";
    netlink::create_veth(node, near, far, network_namespace);
    netlink::add_address(node, name, in_subnet(node_address));
    netlink::Socket inside = netlink::Socket::open_in(network_namespace);
    netlink::add_address(inside, "eth0", in_subnet(own));
    netlink::set_link_up(inside, "eth0");
    netlink::add_route(inside, everywhere_by(node_address));
  }

  std::string address;
  base::FileDescriptor network_namespace;
};

// Listens at 8080, by TCP and UDP.
class Pod : public Machine {
 public:
  // In SUBNET ("10.244.1.", "fd00:244:1::"), where the node has .1 and the pod .2.
  Pod(netlink::Socket& node, const std::string& name, const std::string& subnet)
      : Machine(node, name, subnet + "2", subnet + "1"),
        tcp(make_socket(network_namespace, SOCK_STREAM, ip(address).family())),
        udp(make_socket(network_namespace, SOCK_DGRAM, ip(address).family())) {
    bind_to(tcp, address, 8080);
    bind_to(udp, address, 8080);
    base::check_system("listen", ::listen(tcp.get(), 128));
  }

  base::FileDescriptor tcp;
  base::FileDescriptor udp;
};

class SmallCluster {
 public:
  explicit SmallCluster(Family family = Family::ipv4) : here_(netlink::current_network_namespace()) {
    bool six = family == Family::ipv6;
    netlink::write_sysctl(six ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward", "1");
    for (const char* number : {"1", "2", "3"}) {
      std::string subnet = six ? std::string("fd00:244:") + number + "::" : std::string("10.244.") + number + ".";
      pods_.push_back(std::make_unique<Pod>(node_, std::string("pod") + number, subnet));
    }
    client_ = std::make_unique<Machine>(node_, "lan", six ? "fd00:113::2" : "192.168.113.2",
                                        six ? "fd00:113::11" : "192.168.113.11");
    // No route of a node leads to a Service: for what its own processes send, there has to be one to everywhere.
    gateway_ = std::make_unique<Machine>(node_, "wan", six ? "fd00:114::2" : "192.168.114.2",
                                         six ? "fd00:114::1" : "192.168.114.1");
    netlink::add_route(node_, everywhere_by(gateway_->address));
  }

  const base::FileDescriptor& node() const { return here_; }
  const base::FileDescriptor& client() const { return client_->network_namespace; }
  const base::FileDescriptor& pod(int number) const { return pods_[number - 1]->network_namespace; }

  // What a connection comes to: "10.244.1.2 sees 192.168.113.2", "refused", or "nothing" within the time.
  std::string connect(const base::FileDescriptor& from, const std::string& address, std::uint16_t port,
                      int milliseconds = 3000) {
    SocketAddress name(address, port);
    base::FileDescriptor socket = make_socket(from, SOCK_STREAM, name.family());
    int result = ::connect(socket.get(), name.get(), name.size);
    if (result < 0 && errno != EINPROGRESS) return std::strerror(errno);
    if (!wait_for({socket.get()}, POLLOUT, milliseconds)) return "nothing";
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == ECONNREFUSED) return "refused";
    if (error != 0) return std::strerror(error);
    return accepted(milliseconds);
  }
  // "10.244.1.2" without what it sees.
  std::string server_of(const base::FileDescriptor& from, const std::string& address, std::uint16_t port) {
    std::string outcome = connect(from, address, port);
    return outcome.substr(0, outcome.find(' '));
  }
  // The same for a datagram from SOCKET.
  std::string send(const base::FileDescriptor& socket, const std::string& address, std::uint16_t port) {
    SocketAddress name(address, port);
    ::sendto(socket.get(), "x", 1, 0, name.get(), name.size);
    std::vector<int> all;
    for (const auto& pod : pods_) all.push_back(pod->udp.get());
    if (!wait_for(all, POLLIN, 3000)) return "nothing";
    for (const auto& pod : pods_) {
      char byte = 0;
      SocketAddress peer;
      if (::recvfrom(pod->udp.get(), &byte, 1, 0, peer.get(), &peer.size) == 1) {
        return pod->address + " sees " + peer.text();
      }
    }
    return "nothing";
  }

 private:
  std::string accepted(int milliseconds) {
    std::vector<int> all;
    for (const auto& pod : pods_) all.push_back(pod->tcp.get());
    if (!wait_for(all, POLLIN, milliseconds)) return "connected to somebody else";
    for (const auto& pod : pods_) {
      SocketAddress peer;
      base::FileDescriptor one(::accept4(pod->tcp.get(), peer.get(), &peer.size, SOCK_CLOEXEC));
      if (one.get() >= 0) return pod->address + " sees " + peer.text();
    }
    return "connected to somebody else";
  }

  netlink::Socket node_;
  base::FileDescriptor here_;
  std::vector<std::unique_ptr<Pod>> pods_;
  std::unique_ptr<Machine> client_;
  std::unique_ptr<Machine> gateway_;
};

}  // namespace proxy
