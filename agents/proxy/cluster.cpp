#include "agents/proxy/cluster.h"

#include <algorithm>
#include <charconv>

namespace proxy {
namespace {

// Services that another proxy serves, and those that have no address, are none of ours: kube-proxy's own selectors.
kube::InformerOptions service_selector() {
  kube::InformerOptions options;
  options.label_selector = "!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless";
  return options;
}

kube::InformerOptions node_selector(const std::string& name) {
  kube::InformerOptions options;
  options.field_selector = "metadata.name=" + name;
  return options;
}

std::vector<netlink::IpAddress> internal_ips(const kube::Node& node) {
  std::vector<netlink::IpAddress> addresses;
  for (const kube::NodeAddress& address : node.addresses) {
    auto parsed = netlink::IpAddress::parse(address.address);
    if (address.type == "InternalIP" && parsed) addresses.push_back(*parsed);
  }
  return addresses;
}

}  // namespace

Cluster::Cluster(kube::Client& client, const Options& options, std::ostream& log)
    : log_(log),
      master_(options.master),
      node_name_(options.node_name),
      families_(options.families()),
      node_ips_given_(!options.node_ips.empty()),
      node_ips_(options.node_ips),
      services_(client, service_selector()),
      slices_(client, service_selector()),
      nodes_(client, node_selector(options.node_name)) {}

void Cluster::start(std::function<void()> on_change) {
  on_change_ = std::move(on_change);
  follow(services_, "services");
  follow(slices_, "endpointslices");
  kube::TypedInformer<kube::Node>::Callbacks node;
  node.on_synced = [this] { changed(); };
  node.on_upsert = [this](const kube::Node& object, const kube::Node*) { see_node(object); };
  // What was known of it goes on to hold: an agent that stops when its Node is deleted takes the network with it.
  node.on_delete = [this](const kube::Node&) {
    log_ << "proxy: node " << node_name_ << " is gone from " << master_ << "; its services stay as they are"
         << std::endl;
  };
  node.on_connection = [this](const std::string& reason) { connection("nodes", reason); };
  nodes_.start(std::move(node));
}

template <class T>
void Cluster::follow(kube::TypedInformer<T>& informer, const std::string& plural) {
  typename kube::TypedInformer<T>::Callbacks callbacks;
  callbacks.on_synced = [this] { changed(); };
  callbacks.on_upsert = [this](const T& object, const T*) {
    see_version(object.metadata.resource_version);
    changed();
  };
  callbacks.on_delete = [this](const T&) { changed(); };
  callbacks.on_connection = [this, plural](const std::string& reason) { connection(plural, reason); };
  informer.start(std::move(callbacks));
}

// Opaque to clients by contract, but a number that grows in every server there is (and KEP-5504 makes it so).
void Cluster::see_version(const std::string& resource_version) {
  std::uint64_t version = 0;
  std::from_chars(resource_version.data(), resource_version.data() + resource_version.size(), version);
  newest_version_ = std::max(newest_version_, version);
}

// A node says something every few seconds, and hardly ever something that concerns us.
void Cluster::see_node(const kube::Node& node) {
  auto label = node.metadata.labels.find("topology.kubernetes.io/zone");
  std::string zone = label == node.metadata.labels.end() ? "" : label->second;
  std::vector<netlink::IpAddress> addresses = node_ips_given_ ? node_ips_ : internal_ips(node);
  bool same = node_seen_ && zone == zone_ && addresses == node_ips_;
  node_seen_ = true;
  zone_ = std::move(zone);
  node_ips_ = std::move(addresses);
  if (!same) changed();
}

void Cluster::changed() {
  if (complete()) on_change_();
}

// Three watches are lost at once, and one line says it.
void Cluster::connection(const std::string& plural, const std::string& reason) {
  bool were_lost = !lost_.empty();
  if (reason.empty()) {
    lost_.erase(plural);
    if (were_lost && lost_.empty()) log_ << "proxy: connected to " << master_ << std::endl;
    return;
  }
  lost_[plural] = reason;
  if (!were_lost) {
    log_ << "proxy: no API server: " << reason << "; " << (complete() ? "services stay as they are" : "waiting for it")
         << std::endl;
  }
}

bool Cluster::complete() const {
  return missing().empty();
}

std::string Cluster::missing() const {
  if (!services_.synced()) return "services of " + master_;
  if (!slices_.synced()) return "endpointslices of " + master_;
  if (node_ips_given_) return {};
  if (!nodes_.synced()) return "nodes of " + master_;
  if (!node_seen_) return "node " + node_name_ + " at " + master_ + " (does its kubelet run?)";
  if (node_ips_.empty()) return "an InternalIP of node " + node_name_ + " at " + master_;
  return {};
}

ClusterView Cluster::view() const {
  ClusterView view;
  for (Family family : families_) {
    view.ports[family] = service_ports(services_.store(), slices_.store(), node_name_, family);
  }
  view.zone = zone_;
  view.node_ips = node_ips_;
  return view;
}

}  // namespace proxy
