#include "agents/nodelet/node_registration.h"

#include <utility>

namespace nodelet {

namespace {

// Often enough that a node is missed within a lease's time though some renewals get lost.
constexpr std::chrono::seconds renewal_interval{2};
constexpr std::chrono::milliseconds retry_pause{300};

}  // namespace

NodeRegistration::NodeRegistration(kube::Client& api, EventRecorder& recorder, NodeIdentity identity, std::ostream& log)
    : api_(api),
      recorder_(recorder),
      identity_(std::move(identity)),
      facts_(MachineFacts::read()),
      log_(log),
      nodes_(api, {{}, {}, "metadata.name=" + identity_.name}),
      retry_(api.loop()),
      renewal_(api.loop()) {}

void NodeRegistration::start(std::function<void(const std::string& pod_cidr)> on_pod_cidr) {
  on_pod_cidr_ = std::move(on_pod_cidr);
  kube::TypedInformer<kube::Node>::Callbacks callbacks;
  callbacks.on_synced = [this] { identify_cluster(); };
  callbacks.on_upsert = [this](const kube::Node&, const kube::Node*) {
    registered_ = true;
    node_changed();
  };
  callbacks.on_delete = [this](const kube::Node&) { node_changed(); };
  callbacks.on_connection = [this](const std::string& reason) {
    log_ << "nodelet: "
         << (reason.empty() ? "connected to the API" : "lost the API; what runs goes on running: " + reason)
         << std::endl;
  };
  nodes_.start(std::move(callbacks));
  renew_lease();
}

void NodeRegistration::set_readiness(const Readiness& readiness) {
  if (readiness == readiness_) return;
  readiness_ = readiness;
  node_changed();
}

// An API server that comes back with nothing is another cluster: this node is to register there. In the same one, a
// Node that is missing has been deleted. A cluster is told by its namespace kube-system.
void NodeRegistration::identify_cluster() {
  identified_ = false;
  api_.get(kube::resources::namespaces, {}, "kube-system", [this](const kube::Reply& reply) {
    if (!reply.ok() && !reply.not_found()) return try_again();
    std::string cluster = kube::text_at(reply.body, "metadata.uid");
    if (std::exchange(cluster_, cluster) != cluster) registered_ = nodes_.find(identity_.name) != nullptr;
    identified_ = true;
    node_changed();
  });
}

void NodeRegistration::node_changed() {
  if (!nodes_.synced() || !identified_ || under_way_) return;
  const kube::Node* node = nodes_.find(identity_.name);
  if (node == nullptr) return registered_ ? stay_away() : create_node();
  staying_away_ = false;
  if (std::exchange(pod_cidr_, node->pod_cidr) != node->pod_cidr) on_pod_cidr_(node->pod_cidr);
  if (!is_reported(*node, identity_, readiness_)) report_status(*node);
}

void NodeRegistration::stay_away() {
  if (std::exchange(staying_away_, true)) return;
  log_ << "nodelet: node " << identity_.name << " has been deleted; it is registered again when nodelet is started anew"
       << std::endl;
}

void NodeRegistration::create_node() {
  under_way_ = true;
  api_.create(kube::resources::nodes, node_object(identity_, facts_, readiness_), [this](const kube::Reply& reply) {
    under_way_ = false;
    if (reply.ok()) {
      log_ << "nodelet: registered node " << identity_.name << std::endl;
      recorder_.normal({"Node", {}, identity_.name, kube::text_at(reply.body, "metadata.uid")}, "Starting",
                       "Starting kubelet.");
    } else if (!reply.already_exists() && !reply.unreachable()) {
      log_ << "nodelet: register node " << identity_.name << ": " << reply.error << std::endl;
    }
    try_again();
  });
}

void NodeRegistration::report_status(const kube::Node& node) {
  under_way_ = true;
  Readiness reported = readiness_;
  boost::json::value patch = node_status_patch(identity_, facts_, reported, node.conditions);
  Subject subject{"Node", {}, identity_.name, node.metadata.uid};
  api_.patch(
      kube::resources::nodes, {}, identity_.name, kube::PatchType::strategic_merge, patch,
      [this, reported, subject](const kube::Reply& reply) {
        under_way_ = false;
        if (!reply.ok()) return try_again();
        if (std::exchange(was_ready_, reported.ready) != reported.ready) {
          std::string state = reported.ready ? "NodeReady" : "NodeNotReady";
          recorder_.normal(subject, state, "Node " + identity_.name + " status is now: " + state);
          log_ << "nodelet: node " << identity_.name << (reported.ready ? " is ready" : ": " + reported.message)
               << std::endl;
        }
        reported == readiness_ ? try_again() : node_changed();
      },
      "status");
}

// A watch brings what has been written, and a retry is for what it cannot bring.
void NodeRegistration::try_again() {
  retry_.expires_after(retry_pause);
  retry_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) identified_ ? node_changed() : identify_cluster();
  });
}

void NodeRegistration::renew_lease() {
  api_.patch(kube::resources::leases, "kube-node-lease", identity_.name, kube::PatchType::merge, lease_renewal(),
             [this](const kube::Reply& reply) { lease_renewed(reply); });
}

void NodeRegistration::lease_renewed(const kube::Reply& reply) {
  const kube::Node* node = nodes_.find(identity_.name);
  if (reply.not_found() && node != nullptr) {
    api_.create(kube::resources::leases, lease_object(identity_.name, node->metadata.uid), nullptr);
  }
  // Soon again until there is a Lease: others judge the node by it.
  auto pause = reply.ok() ? std::chrono::milliseconds(renewal_interval) : retry_pause;
  renewal_.expires_after(pause);
  renewal_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) renew_lease();
  });
}

}  // namespace nodelet
