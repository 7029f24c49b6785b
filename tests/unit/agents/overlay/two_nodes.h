// Two nodes on one network, as two network namespaces: a cable between their links `lan`, and a bridge for pods in
// each.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <memory>
#include <string>

#include "agents/overlay/backend.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/links/vxlan.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"
#include "tests/unit/private_network.h"

namespace overlay {

inline netlink::IpAddress ip(const std::string& text) {
  return *netlink::IpAddress::parse(text);
}
inline netlink::Prefix prefix(const std::string& text) {
  return *netlink::Prefix::parse(text);
}

struct TestNode {
  explicit TestNode(int number_of_node)
      : number(number_of_node),
        network_namespace(netlink::create_network_namespace()),
        socket(netlink::Socket::open_in(network_namespace)) {}

  std::string name() const { return "worker" + std::to_string(number); }
  netlink::IpAddress address() const { return ip("192.168.113.1" + std::to_string(number)); }
  netlink::Prefix subnet() const { return prefix("10.244." + std::to_string(number) + ".0/24"); }
  netlink::IpAddress pod_address() const { return subnet().address.plus(1); }

  Self self() { return {ExternalInterface::read(socket, "lan"), prefix("10.244.0.0/16"), subnet(), address()}; }
  Lease lease(const Backend& backend) const { return {name(), subnet(), address(), backend.type(), backend.data()}; }

  int number;
  base::FileDescriptor network_namespace;
  netlink::Socket socket;
};

// A UDP socket at ADDRESS in NODE that neither fragments nor waits for ever.
class UdpSocket {
 public:
  UdpSocket(const TestNode& node, const netlink::IpAddress& address) {
    netlink::in_namespace(node.network_namespace, [&] {
      socket_ = base::FileDescriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      timeval limit{0, 500000};
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      // An unconnected socket is told of ICMP errors only with this (ip(7)).
      int tell_errors = 1;
      ::setsockopt(socket_.get(), IPPROTO_IP, IP_RECVERR, &tell_errors, sizeof tell_errors);
      int never_fragment = IP_PMTUDISC_DO;
      ::setsockopt(socket_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &never_fragment, sizeof never_fragment);
      sockaddr_in name = at(address);
      base::check_system("bind", ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name));
    });
  }
  bool send(const netlink::IpAddress& to, size_t size) {
    sockaddr_in name = at(to);
    std::string data(size, 'x');
    return ::sendto(socket_.get(), data.data(), size, 0, reinterpret_cast<sockaddr*>(&name), sizeof name) >= 0;
  }
  // "SIZE from ADDRESS", or "nothing"; with the reason where the network has said one.
  std::string receive() {
    char buffer[4096];
    sockaddr_in from{};
    socklen_t length = sizeof from;
    ssize_t size = ::recvfrom(socket_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return errno == EAGAIN ? "nothing" : std::string("nothing: ") + std::strerror(errno);
    return std::to_string(size) + " from " + netlink::IpAddress(AF_INET, &from.sin_addr).to_string();
  }

 private:
  static sockaddr_in at(const netlink::IpAddress& address) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(4000);
    std::memcpy(&name.sin_addr, address.bytes(), 4);
    return name;
  }
  base::FileDescriptor socket_;
};

class TwoNodes : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    one_ = std::make_unique<TestNode>(1);
    two_ = std::make_unique<TestNode>(2);
    netlink::NewLink lan;
    lan.name = "lan";
    netlink::create_veth(one_->socket, lan, lan, two_->network_namespace);
    for (TestNode* node : {one_.get(), two_.get()}) {
      netlink::set_link_up(node->socket, "lo");
      netlink::set_link_up(node->socket, "lan");
      netlink::add_address(node->socket, "lan", {node->address(), 24});
      netlink::NewLink bridge;
      bridge.name = "cni0";
      bridge.up = true;
      netlink::create_bridge(node->socket, bridge);
      netlink::add_address(node->socket, "cni0", {node->pod_address(), 24});
    }
  }

  // Of a datagram from the pods' address of ONE to that of TWO, what arrives.
  static std::string send(TestNode& from, TestNode& to, size_t size = 100) {
    UdpSocket sender(from, from.pod_address()), receiver(to, to.pod_address());
    if (!sender.send(to.pod_address(), size)) return base::Error::system("send").what();
    return receiver.receive();
  }

  std::unique_ptr<TestNode> one_, two_;
};

}  // namespace overlay
