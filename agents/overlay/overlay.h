// The agent: follows the nodes, announces its own, and keeps the kernel as the leases ask for.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "agents/overlay/backend.h"
#include "agents/overlay/lease.h"
#include "agents/overlay/subnet_file.h"
#include "agents/overlay/traffic_rules.h"
#include "lib/kube/client.h"
#include "lib/kube/informer.h"
#include "lib/netlink/changes.h"
#include "lib/netlink/socket.h"

namespace overlay {

struct Options {
  std::string api;
  std::string node;
  std::string interface;
  netlink::Prefix network;
  std::string backend = "vxlan";
  std::optional<netlink::IpAddress> public_ip;  // default: the interface's
  std::uint32_t vni = 1;
  std::uint16_t vxlan_port = 0;
  bool ip_masquerade = false;
  bool forward_rules = true;
  std::string subnet_file = "/run/flannel/subnet.env";
};

// Acts in the network namespace of the thread that makes it.
class Overlay {
 public:
  // Throws base::Error where OPTIONS cannot be served.
  Overlay(boost::asio::io_context& loop, Options options, std::ostream& log);
  void start();

 private:
  void schedule(std::chrono::milliseconds delay);
  void run_again();
  bool reconcile();
  std::optional<Self> self_of(const kube::Node& node);
  std::vector<Lease> peers_of(const Self& self, std::vector<std::string>& failures) const;
  bool program(const kube::Node& node, const Self& self);
  void ensure_rules(const Self& self);
  void announce(const kube::Node& node, const Lease& own);
  void say(const std::string& line);
  void say_once(const std::string& line);

  boost::asio::io_context& loop_;
  Options options_;
  std::ostream& log_;
  netlink::Socket socket_;
  kube::Client client_;
  kube::TypedInformer<kube::Node> nodes_;
  std::unique_ptr<Backend> backend_;
  TrafficRules rules_;
  std::optional<netlink::Changes> changes_;

  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point rules_due_;
  std::chrono::milliseconds pause_;
  bool announcing_ = false;
  bool announced_ = false;
  std::string last_complaint_;
};

}  // namespace overlay
