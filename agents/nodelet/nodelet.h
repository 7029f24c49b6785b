// labctl's kubelet: the node's part of a cluster. It knows the API and the node API, and nothing else of labctl.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <ostream>
#include <string>

#include "agents/nodelet/event_recorder.h"
#include "agents/nodelet/node_api.h"
#include "agents/nodelet/node_registration.h"
#include "agents/nodelet/pods.h"
#include "lib/kube/client.h"
#include "lib/kube/informer.h"
#include "lib/netlink/socket.h"

namespace nodelet {

struct Options {
  std::string api;
  std::string node_api_socket;
  NodeIdentity node;
  std::string network_ready_file;  // empty: the node's podCIDR is enough
  std::string cluster_dns;         // empty: the address of the Service kube-system/kube-dns
  std::string cluster_domain = "cluster.local";
};

class Nodelet {
 public:
  // Lives as long as LOOP: what is under way there refers to it. Belongs to the network namespace it is made in.
  Nodelet(boost::asio::io_context& loop, Options options, std::ostream& log);
  void start();

 private:
  void follow_node_api();
  void follow_dns();
  void set_dns_address(const std::string& address);
  void look_at_network();
  std::optional<std::string> ready_file() const;
  void prepare_bridge();
  void update_readiness();

  Options options_;
  std::ostream& log_;
  kube::Client api_;
  NodeApi node_api_;
  netlink::Socket socket_;
  EventRecorder recorder_;
  Host host_;
  NodeRegistration registration_;
  Pods pods_;
  kube::TypedInformer<kube::Service> dns_services_;
  std::string pod_cidr_;
  std::string network_missing_;
  std::string node_api_missing_;
  boost::asio::steady_timer network_timer_;
};

// What the node's kernel must do so that its pods reach anybody; in the calling thread's network namespace.
void prepare_kernel();

}  // namespace nodelet
