// A node with three pods, a client outside, and a gateway to everywhere, each a network namespace with a cable to the
// node: what real packets do under the rules.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
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

inline sockaddr_in socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  return name;
}

inline std::string address_text(const sockaddr_in& name) {
  return netlink::IpAddress(AF_INET, &name.sin_addr).to_string();
}

// Whether one of DESCRIPTORS becomes ready for EVENT within the time.
inline bool wait_for(std::vector<int> descriptors, short event, int milliseconds) {
  std::vector<pollfd> polled;
  for (int descriptor : descriptors) polled.push_back({descriptor, event, 0});
  return ::poll(polled.data(), polled.size(), milliseconds) > 0;
}

inline base::FileDescriptor make_socket(const base::FileDescriptor& network_namespace, int type) {
  base::FileDescriptor made;
  netlink::in_namespace(network_namespace, [&] {
    made = base::FileDescriptor(
        base::check_system("make a socket", ::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  });
  return made;
}

inline void bind_to(const base::FileDescriptor& socket, const std::string& address, std::uint16_t port) {
  sockaddr_in name = socket_address(address, port);
  base::check_system("bind", ::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name));
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
    netlink::add_address(node, name, prefix(node_address + "/24"));
    netlink::Socket inside = netlink::Socket::open_in(network_namespace);
    netlink::add_address(inside, "eth0", prefix(own + "/24"));
    netlink::set_link_up(inside, "eth0");
    netlink::Route everywhere;
    everywhere.destination = *netlink::Prefix::parse("default");
    everywhere.via = ip(node_address);
    netlink::add_route(inside, everywhere);
  }

  std::string address;
  base::FileDescriptor network_namespace;
};

// Listens at 8080, by TCP and UDP.
class Pod : public Machine {
 public:
  Pod(netlink::Socket& node, int number)
      : Machine(node, "pod" + std::to_string(number), "10.244." + std::to_string(number) + ".2",
                "10.244." + std::to_string(number) + ".1"),
        tcp(make_socket(network_namespace, SOCK_STREAM)),
        udp(make_socket(network_namespace, SOCK_DGRAM)) {
    bind_to(tcp, "0.0.0.0", 8080);
    bind_to(udp, "0.0.0.0", 8080);
    base::check_system("listen", ::listen(tcp.get(), 128));
  }

  base::FileDescriptor tcp;
  base::FileDescriptor udp;
};

class SmallCluster {
 public:
  SmallCluster() : here_(netlink::current_network_namespace()) {
    netlink::write_sysctl("net.ipv4.ip_forward", "1");
    for (int number : {1, 2, 3}) pods_.push_back(std::make_unique<Pod>(node_, number));
    client_ = std::make_unique<Machine>(node_, "lan", "192.168.113.2", "192.168.113.11");
    // No route of a node leads to a Service: for what its own processes send, there has to be one to everywhere.
    gateway_ = std::make_unique<Machine>(node_, "wan", "192.168.114.2", "192.168.114.1");
    netlink::Route everywhere;
    everywhere.destination = *netlink::Prefix::parse("default");
    everywhere.via = ip(gateway_->address);
    netlink::add_route(node_, everywhere);
  }

  const base::FileDescriptor& node() const { return here_; }
  const base::FileDescriptor& client() const { return client_->network_namespace; }
  const base::FileDescriptor& pod(int number) const { return pods_[number - 1]->network_namespace; }

  // What a connection comes to: "10.244.1.2 sees 192.168.113.2", "refused", or "nothing" within the time.
  std::string connect(const base::FileDescriptor& from, const std::string& address, std::uint16_t port,
                      int milliseconds = 3000) {
    base::FileDescriptor socket = make_socket(from, SOCK_STREAM);
    sockaddr_in name = socket_address(address, port);
    int result = ::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name);
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
    sockaddr_in name = socket_address(address, port);
    ::sendto(socket.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&name), sizeof name);
    std::vector<int> all;
    for (const auto& pod : pods_) all.push_back(pod->udp.get());
    if (!wait_for(all, POLLIN, 3000)) return "nothing";
    for (const auto& pod : pods_) {
      char byte = 0;
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      if (::recvfrom(pod->udp.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&peer), &size) == 1) {
        return pod->address + " sees " + address_text(peer);
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
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      base::FileDescriptor one(::accept4(pod->tcp.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
      if (one.get() >= 0) return pod->address + " sees " + address_text(peer);
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
