#include "agents/controller/controller.h"

#include "agents/controller/deployments.h"
#include "agents/controller/names.h"
#include "agents/controller/ownership.h"
#include "agents/controller/replica_sets.h"
#include "agents/controller/scheduler.h"
#include "agents/controller/times.h"
#include "lib/kube/selector.h"

namespace controller {
namespace {

// The kinds of work. Those with one task for the whole cluster decide for all objects at once, as one choice depends on
// the others.
constexpr const char* node_ranges = "node ranges";
constexpr const char* node_health = "node health";
constexpr const char* scheduler = "scheduler";
constexpr const char* lost_pods = "pods of lost nodes";
constexpr const char* orphans = "orphans";
// And those with one task an object.
constexpr const char* replica_set = "replica set";
constexpr const char* deployment = "deployment";
constexpr const char* service = "service";

// After a loss, connections come back one after the other, and may then turn out to need a new list.
constexpr std::chrono::milliseconds resume_delay{500};

bool in_same_namespace(const kube::Metadata& left, const kube::Metadata& right) {
  return left.namespace_name == right.namespace_name;
}

}  // namespace

Controller::Controller(boost::asio::io_context& loop, const std::string& master, Options options, std::ostream& log)
    : options_(std::move(options)),
      log_(log),
      client_(loop, master, "controller"),
      caches_(client_),
      reconciler_(
          client_,
          [this](const kube::Resource& resource, const std::string& key) { return caches_.find(resource, key); }, log),
      resume_timer_(loop) {
  add_decisions();
}

void Controller::add_decisions() {
  const Nodes& nodes = caches_.nodes.store();
  const Pods& pods = caches_.pods.store();
  const ReplicaSets& sets = caches_.replica_sets.store();
  const Deployments& deployments = caches_.deployments.store();
  auto for_all = [this](const char* kind, std::function<Decision()> decide) {
    reconciler_.add(kind, [decide = std::move(decide)](const std::string&) { return decide(); });
  };
  if (!options_.ranges.empty()) for_all(node_ranges, [&] { return assign_ranges(options_.ranges, nodes); });
  for_all(node_health, [&] { return judge_nodes(nodes, heartbeats_, Now::read(), options_.node_grace); });
  for_all(scheduler, [&] { return schedule(pods, nodes, Now::read().wall); });
  for_all(lost_pods, [&] {
    Now now = Now::read();
    missing_nodes_.update(missing_nodes(pods, nodes), now.steady);
    return clean_up_pods_of_lost_nodes(pods, nodes, missing_nodes_, options_.delays, now);
  });
  for_all(orphans, [&] {
    Now now = Now::read();
    missing_owners_.update(missing_owners(pods, sets, deployments), now.steady);
    return collect_orphans(pods, sets, missing_owners_, options_.delays, now);
  });
  reconciler_.add(replica_set, [&](const std::string& key) {
    const kube::ReplicaSet* set = caches_.replica_sets.find(key);
    return set == nullptr ? Decision() : reconcile_replica_set(*set, pods, nodes, Now::read().wall, random_suffix);
  });
  reconciler_.add(deployment, [&](const std::string& key) {
    const kube::Deployment* found = caches_.deployments.find(key);
    return found == nullptr ? Decision() : reconcile_deployment(*found, sets, pods, Now::read().wall);
  });
  reconciler_.add(service, [&](const std::string& key) {
    return reconcile_slices(key, caches_.services.find(key), pods, nodes, caches_.slices.store());
  });
}

template <class T>
void Controller::follow(kube::TypedInformer<T>& informer) {
  typename kube::TypedInformer<T>::Callbacks callbacks;
  callbacks.on_upsert = [this](const T& now, const T* old) {
    if (old != nullptr) concerns(*old);
    concerns(now);
    reconciler_.cache_changed();
  };
  callbacks.on_delete = [this](const T& last) {
    concerns(last);
    reconciler_.cache_changed();
  };
  callbacks.on_synced = [this] { completeness_changed(); };
  callbacks.on_connection = [this](const std::string& reason) { connection_changed(T::resource().plural, reason); };
  informer.start(std::move(callbacks));
}

void Controller::follow_leases() {
  kube::Informer::Callbacks callbacks;
  callbacks.on_upsert = [this](const Object& lease, const Object*) {
    heartbeats_.observe_lease(kube::text_at(lease, "metadata.name"), kube::text_at(lease, "spec.renewTime"),
                              Steady::now());
  };
  callbacks.on_synced = [this] { completeness_changed(); };
  callbacks.on_connection = [this](const std::string& reason) {
    connection_changed(kube::resources::leases.plural, reason);
  };
  caches_.leases.start(std::move(callbacks));
}

void Controller::start() {
  follow_leases();
  follow(caches_.nodes);
  follow(caches_.pods);
  follow(caches_.services);
  follow(caches_.slices);
  follow(caches_.replica_sets);
  follow(caches_.deployments);
}

void Controller::connection_changed(const std::string& plural, const std::string& reason) {
  if (reason.empty()) {
    caches_.disconnected.erase(plural);
  } else {
    caches_.disconnected.insert(plural);
    if (!std::exchange(waiting_, true)) log_ << "controller: waiting for the API server: " << reason << std::endl;
  }
  completeness_changed();
}

void Controller::completeness_changed() {
  if (!caches_.complete()) {
    deciding_ = false;
    reconciler_.hold();
    resume_timer_.cancel();
    return;
  }
  if (deciding_) return;
  if (!std::exchange(was_complete_, true)) return resume();
  resume_timer_.expires_after(resume_delay);
  resume_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled && caches_.complete()) resume();
  });
}

void Controller::resume() {
  deciding_ = true;
  waiting_ = false;
  log_ << "controller: in touch with the API server" << std::endl;
  // Nodes cannot be blamed for what we could not hear.
  heartbeats_.excuse_all(Steady::now());
  reconciler_.request(node_health);
  reconciler_.release();
}

void Controller::concerns(const kube::Node& node) {
  const std::string& name = node.metadata.name;
  const kube::Node* now = caches_.nodes.find(name);
  if (now == nullptr) {
    heartbeats_.forget(name);
  } else {
    heartbeats_.observe_node(*now, Steady::now());
  }
  if (!options_.ranges.empty()) reconciler_.request(node_ranges);
  reconciler_.request(node_health);
  reconciler_.request(scheduler);
  reconciler_.request(lost_pods);
  bool lost = is_lost(name, caches_.nodes.store());
  bool changed = lost ? heard_nodes_.erase(name) > 0 : heard_nodes_.insert(name).second;
  if (!changed) return;
  for (const auto& [key, pod] : caches_.pods.store()) {
    if (pod.node_name == name) concerns(pod);
  }
}

void Controller::concerns(const kube::Pod& pod) {
  reconciler_.request(scheduler);
  reconciler_.request(lost_pods);
  reconciler_.request(orphans);
  const kube::OwnerReference* owner = managing_owner(pod.metadata);
  if (owner != nullptr && owner->kind == "ReplicaSet") {
    reconciler_.request(replica_set, pod.metadata.namespace_name + "/" + owner->name);
  }
  for (const auto& [key, set] : caches_.replica_sets.store()) {
    bool could_take_it = owner == nullptr && in_same_namespace(set.metadata, pod.metadata) &&
                         would_own(set.selector, pod.metadata.labels);
    if (could_take_it) reconciler_.request(replica_set, key);
  }
  for (const auto& [key, candidate] : caches_.services.store()) {
    bool selects = in_same_namespace(candidate.metadata, pod.metadata) && !candidate.selector.empty() &&
                   kube::Selector::from_labels(candidate.selector).matches(pod.metadata.labels);
    if (selects) reconciler_.request(service, key);
  }
}

void Controller::concerns(const kube::Service& object) {
  reconciler_.request(service, object.metadata.key());
}

void Controller::concerns(const kube::EndpointSlice& slice) {
  if (slice.service_name.empty()) return;
  reconciler_.request(service, slice.metadata.namespace_name + "/" + slice.service_name);
}

void Controller::concerns(const kube::ReplicaSet& set) {
  reconciler_.request(replica_set, set.metadata.key());
  reconciler_.request(orphans);
  const kube::OwnerReference* owner = managing_owner(set.metadata);
  if (owner != nullptr) {
    reconciler_.request(deployment, set.metadata.namespace_name + "/" + owner->name);
    return;
  }
  for (const auto& [key, candidate] : caches_.deployments.store()) {
    bool could_take_it =
        in_same_namespace(candidate.metadata, set.metadata) && would_own(candidate.selector, set.metadata.labels);
    if (could_take_it) reconciler_.request(deployment, key);
  }
}

void Controller::concerns(const kube::Deployment& object) {
  reconciler_.request(deployment, object.metadata.key());
  reconciler_.request(orphans);
}

}  // namespace controller
