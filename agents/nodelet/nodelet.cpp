#include "agents/nodelet/nodelet.h"

#include <sys/stat.h>

#include <utility>

#include "agents/nodelet/bridge.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/netlink/network_namespace.h"

namespace nodelet {

namespace {

// The overlay's file tells nobody that it is there, nor that it has changed: a look costs one system call.
constexpr std::chrono::milliseconds look_while_missing{50};
constexpr std::chrono::milliseconds look_later{2000};

}  // namespace

Nodelet::Nodelet(boost::asio::io_context& loop, Options options, std::ostream& log)
    : options_(std::move(options)),
      log_(log),
      api_(loop, options_.api, "nodelet"),
      node_api_(loop, options_.node_api_socket),
      recorder_(api_, options_.node.name),
      host_{loop, api_, node_api_, recorder_, options_.node.name, options_.node.address},
      registration_(api_, recorder_, options_.node, log),
      pods_(host_, log),
      dns_services_(api_, {"kube-system", {}, "metadata.name=kube-dns"}),
      node_api_missing_("the node API at " + options_.node_api_socket + " has not answered yet"),
      network_timer_(loop) {}

void Nodelet::start() {
  follow_node_api();
  follow_dns();
  look_at_network();
  registration_.start([this](const std::string& pod_cidr) {
    pod_cidr_ = pod_cidr;
    look_at_network();
  });
  pods_.start();
}

void Nodelet::follow_node_api() {
  NodeApi::EventCallbacks callbacks;
  callbacks.on_connected = [this] {
    node_api_missing_.clear();
    update_readiness();
    pods_.node_api_connected();
  };
  callbacks.on_exit = [this](const ContainerExit& exit) { pods_.take_exit(exit); };
  callbacks.on_lost = [this](const std::string& reason) {
    node_api_missing_ = "the node API at " + options_.node_api_socket + " does not answer";
    log_ << "nodelet: " << node_api_missing_ << ": " << reason << std::endl;
    update_readiness();
  };
  node_api_.follow(std::move(callbacks));
}

// ---- DNS

void Nodelet::follow_dns() {
  if (!options_.cluster_dns.empty()) return set_dns_address(options_.cluster_dns);
  auto find = [this] {
    const kube::Service* service = dns_services_.find("kube-system/kube-dns");
    set_dns_address(service == nullptr || service->headless() ? "" : service->cluster_ip);
  };
  kube::TypedInformer<kube::Service>::Callbacks callbacks;
  callbacks.on_synced = find;
  callbacks.on_upsert = [this, find](const kube::Service&, const kube::Service*) {
    if (dns_services_.synced()) find();
  };
  callbacks.on_delete = [this, find](const kube::Service&) {
    if (dns_services_.synced()) find();
  };
  dns_services_.start(std::move(callbacks));
}

void Nodelet::set_dns_address(const std::string& address) {
  if (host_.dns && host_.dns->address == address) return;
  host_.dns = ClusterDns{address, options_.cluster_domain};
  pods_.wake();
}

// ---- the pods' network

std::optional<std::string> Nodelet::ready_file() const {
  struct stat status;
  if (::stat(options_.network_ready_file.c_str(), &status) < 0) return std::nullopt;
  try {
    return base::read_file(options_.network_ready_file);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

void Nodelet::look_at_network() {
  bool wants_file = !options_.network_ready_file.empty();
  NetworkState state = pod_network(pod_cidr_, wants_file, wants_file ? ready_file() : std::nullopt);
  network_missing_ = state.missing;
  // A network that was there and is being made anew is still that of the pods that run.
  if (state.network && host_.network != state.network) {
    log_ << "nodelet: pods are in " << state.network->subnet.to_string() << std::endl;
    host_.network = state.network;
    host_.addresses.set_subnet(state.network->subnet);
    prepare_bridge();
    pods_.wake();
  }
  update_readiness();
  if (!wants_file) return;
  network_timer_.expires_after(state.network ? look_later : look_while_missing);
  network_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) look_at_network();
  });
}

void Nodelet::prepare_bridge() {
  try {
    for (const std::string& address : align_bridge(socket_, *host_.network)) {
      log_ << "nodelet: " << bridge_name << " is no longer at " << address << std::endl;
    }
  } catch (const base::Error& error) {
    log_ << "nodelet: " << error.what() << std::endl;
  }
}

void Nodelet::update_readiness() {
  Readiness readiness;
  if (!node_api_missing_.empty()) {
    readiness.message = node_api_missing_;
  } else if (!host_.network || !network_missing_.empty()) {
    readiness.message = "network plugin is not ready: " + network_missing_;
  } else {
    readiness.ready = true;
  }
  registration_.set_readiness(readiness);
}

void prepare_kernel() {
  netlink::write_sysctl("net.ipv4.ip_forward", "1");
  // Packets between pods of one node cross a bridge: without this, a Service's answer from the same node would pass by
  // the rules that turn it back. The file is there once the kernel's module is.
  const std::string bridge_netfilter = "net.bridge.bridge-nf-call-iptables";
  if (netlink::has_sysctl(bridge_netfilter)) netlink::write_sysctl(bridge_netfilter, "1");
}

}  // namespace nodelet
