#include "agents/nodelet/pod_worker.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "agents/nodelet/unsupported.h"
#include "lib/base/error.h"

namespace nodelet {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds object_retry{500};

std::string hostname_of(const kube::Pod& pod) {
  return pod.hostname.empty() ? pod.metadata.name : pod.hostname;
}

bool uses_cluster_dns(const kube::Pod& pod) {
  return pod.dns_policy.starts_with("ClusterFirst") && !pod.host_network;
}

}  // namespace

PodWorker::PodWorker(Host& host, const kube::Object& object, Callbacks callbacks)
    : host_(host),
      callbacks_(std::move(callbacks)),
      pod_(kube::Pod::parse(object)),
      object_(object),
      key_(pod_.metadata.key()),
      context_{host.loop,
               host.node_api,
               host.recorder,
               pod_,
               {host.node, host.address, pod_.host_network ? host.address : ""},
               key_,
               [this] { sync_soon(); },
               [this] { callbacks_.on_doubt(); }},
      status_(host.api, object, [this] { sync_soon(); }),
      start_time_(kube::text_at(object, "status.startTime", kube::timestamp_now())),
      retry_(host.loop) {
  auto add = [&](auto& workers, const kube::Container& container, ContainerWorker::Role role) {
    workers.push_back(std::make_shared<ContainerWorker>(context_, container, role));
    if (auto earlier = parse_container_status(object, container.name)) workers.back()->remember(*earlier);
  };
  for (const auto& container : pod_.init_containers) add(init_containers_, container, ContainerWorker::Role::init);
  for (const auto& container : pod_.containers) add(containers_, container, ContainerWorker::Role::main);
}

PodWorker::~PodWorker() {
  release_address();
}

template <class Function>
void PodWorker::for_each_container(Function&& function) const {
  for (const auto& worker : init_containers_) function(*worker);
  for (const auto& worker : containers_) function(*worker);
}

Subject PodWorker::subject() const {
  return {"Pod", pod_.metadata.namespace_name, pod_.metadata.name, pod_.metadata.uid};
}

// ---- what comes from outside

void PodWorker::begin(const Sandbox* existing) {
  existing != nullptr ? adopt(*existing) : recall();
  if (existing == nullptr) warn_of_unsupported();  // otherwise an earlier nodelet has
  for (const kube::Container& container : pod_.containers) {
    if (!container.has_volume_mounts) continue;
    host_.recorder.warning(subject(), "FailedMount",
                           "volumes are not served here: container " + container.name +
                               " runs without its mounts, and sees the host's files read-only");
  }
  sync_soon();
}

void PodWorker::warn_of_unsupported() {
  std::string words;
  for (const std::string& field : unsupported_fields(object_)) words += (words.empty() ? "" : ", ") + field;
  if (!words.empty()) host_.recorder.warning(subject(), "Unsupported", "not served here, and ignored: " + words);
}

void PodWorker::adopt(const Sandbox& existing) {
  address_ = netlink::IpAddress::parse(existing.address);
  if (address_) host_.addresses.reserve(*address_);
  if (!pod_.host_network) context_.place.pod_ip = existing.address;
  sandbox_ready();
  for_each_container([&](ContainerWorker& worker) {
    if (const RunningContainer* container = find(existing, worker)) worker.adopt(*container);
  });
  if (existing.killed) lose_sandbox();
}

void PodWorker::recall() {
  for_each_container([](ContainerWorker& worker) { worker.recall(); });
  if (is_finished()) return;
  for (const auto& worker : init_containers_) worker->begin_anew();
}

void PodWorker::update(const kube::Object& object) {
  object_ = object;
  pod_ = kube::Pod::parse(object);
  status_.observe(pod_);
  sync_soon();
}

void PodWorker::abandon() {
  abandoned_ = object_gone_ = true;
  sync_soon();
}

void PodWorker::take_exit(const ContainerExit& exit) {
  for_each_container([&](ContainerWorker& worker) {
    if (worker.status().name == exit.container) worker.take_exit(exit.id, exit.exit_code);
  });
}

const RunningContainer* PodWorker::find(const Sandbox& sandbox, const ContainerWorker& worker) const {
  const RunningContainer* best = nullptr;
  // Ids are "c9", "c10": the longer, then the greater, is the newer.
  auto rank = [&](const RunningContainer& container) {
    return std::tuple(container.id == worker.id(), container.running, container.id.size(), container.id);
  };
  for (const RunningContainer& container : sandbox.containers) {
    if (container.name != worker.status().name) continue;
    if (best == nullptr || rank(*best) < rank(container)) best = &container;
  }
  return best;
}

void PodWorker::reconcile(const Sandbox* existing, Clock::time_point as_of) {
  if (stage_ != Stage::ready || ready_since_ > as_of) return;
  bool lost = existing == nullptr || existing->uid != uid() || existing->killed;
  if (existing != nullptr && !lost) {
    return for_each_container([&](ContainerWorker& worker) { worker.reconcile(find(*existing, worker), as_of); });
  }
  lose_sandbox();
}

// ---- what is to be done

void PodWorker::sync_soon() {
  if (std::exchange(sync_posted_, true)) return;
  boost::asio::post(host_.loop, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->sync_posted_ = false;
    self->sync();
  });
}

void PodWorker::sync() {
  if (abandoned_ || pod_.terminating()) return sync_ending();
  sync_running();
  publish();
}

void PodWorker::sync_running() {
  if (stage_ == Stage::ready) return start_containers();
  // A pod that had ended before we came needs no namespaces any more.
  if (stage_ == Stage::none && !is_finished() && !pod_.finished()) create_sandbox();
}

bool PodWorker::is_finished() const {
  std::string phase = phase_of(pod_, state());
  return phase == "Succeeded" || phase == "Failed";
}

void PodWorker::start_containers() {
  for (const auto& worker : init_containers_) {
    if (worker->status().state.succeeded()) continue;
    if (!worker->has_failed_for_good()) worker->ensure_started();
    return;
  }
  for (const auto& worker : containers_) worker->ensure_started();
}

void PodWorker::sync_ending() {
  if (abandoned_) {
    // With the namespaces all processes end: nobody is left to be told gently.
    if (stage_ == Stage::ready) remove_sandbox();
    if (stage_ == Stage::none || stage_ == Stage::removed) callbacks_.on_gone();
    return;
  }
  stop_containers();
  publish();
  if (any_active() || stage_ == Stage::creating || stage_ == Stage::removing) return;
  if (stage_ == Stage::ready) return remove_sandbox();
  if (status_.is_idle()) remove_object();
}

void PodWorker::stop_containers() {
  seconds grace(pod_.metadata.deletion_grace_seconds);
  for_each_container(
      [&](ContainerWorker& worker) { worker.stop(grace, "Stopping container " + worker.status().name); });
}

bool PodWorker::any_active() const {
  bool active = false;
  for_each_container([&](const ContainerWorker& worker) { active = active || worker.is_active(); });
  return active;
}

void PodWorker::retry_after(milliseconds delay) {
  waiting_to_retry_ = true;
  retry_.expires_after(delay);
  retry_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    auto self = weak.lock();
    if (cancelled || !self) return;
    self->waiting_to_retry_ = false;
    self->sync_soon();
  });
}

// ---- its namespaces

bool PodWorker::may_create_sandbox() const {
  if (waiting_to_retry_) return false;
  if (!pod_.host_network && !host_.network) return false;
  return !uses_cluster_dns(pod_) || host_.dns.has_value();
}

SandboxRequest PodWorker::sandbox_request() {
  SandboxRequest request;
  request.uid = uid();
  request.hostname = hostname_of(pod_);
  request.host_network = pod_.host_network;
  if (pod_.host_network) return request;
  const PodNetwork& network = *host_.network;
  if (!address_ || !network.subnet.contains(*address_)) {
    release_address();
    address_ = host_.addresses.allocate();
  }
  request.address = netlink::Prefix{*address_, network.subnet.length}.to_string();
  request.gateway = network.gateway().address.to_string();
  request.bridge_address = network.gateway().to_string();
  request.mtu = network.mtu;
  request.hosts = pod_.host_aliases;
  request.dns = dns_for(pod_, host_.dns.value_or(ClusterDns()));
  return request;
}

void PodWorker::create_sandbox() {
  if (!may_create_sandbox()) return;
  SandboxRequest request;
  try {
    request = sandbox_request();
  } catch (const base::Error& error) {
    return sandbox_failed(error.what());
  }
  stage_ = Stage::creating;
  host_.node_api.create(key_, request, [weak = weak_from_this()](const Answer<Sandbox>& answer) {
    if (auto self = weak.lock()) self->sandbox_created(answer);
  });
}

void PodWorker::sandbox_created(const Answer<Sandbox>& answer) {
  stage_ = Stage::none;
  if (answer.ok()) {
    if (address_) context_.place.pod_ip = address_->to_string();
    back_off_.reset();
    sandbox_ready();
    if (answer.value->killed) lose_sandbox();
    return sync_soon();
  }
  if (!answer.unreachable) return sandbox_failed(answer.error);
  // It may have been made nevertheless; asking again, by the same uid, is no harm.
  retry_after(back_off_.next());
}

void PodWorker::sandbox_ready() {
  stage_ = Stage::ready;
  ready_since_ = Clock::now();
  map_ports();
}

void PodWorker::map_ports() {
  std::vector<HostPort> ports = host_ports_of(pod_);
  if (ports.empty() || !address_) return;
  std::string subnet = host_.network ? host_.network->subnet.to_string() : context_.place.pod_ip + "/32";
  try {
    host_.ports.set(key_, {context_.place.pod_ip, subnet, std::move(ports)});
  } catch (const base::Error& error) {
    host_.recorder.warning(subject(), "FailedHostPort",
                           std::string("The node's ports do not lead to the pod: ") + error.what());
  }
}

void PodWorker::unmap_ports() {
  try {
    host_.ports.remove(key_);
  } catch (const base::Error& error) {
    host_.recorder.warning(subject(), "FailedHostPort",
                           std::string("The node's ports still lead to the pod: ") + error.what());
  }
}

void PodWorker::sandbox_failed(const std::string& words) {
  host_.recorder.warning(subject(), "FailedCreatePodSandBox", "Failed to create pod sandbox: " + words);
  retry_after(back_off_.next());
}

// Killed from outside, or the node has been built anew: the pod is made again, its init containers run again.
void PodWorker::lose_sandbox() {
  host_.recorder.normal(subject(), "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
  for_each_container([](ContainerWorker& worker) { worker.lose(); });
  for (const auto& worker : init_containers_) worker->begin_anew();
  remove_sandbox();
}

void PodWorker::remove_sandbox() {
  stage_ = Stage::removing;
  unmap_ports();  // first: a nodelet that is started and finds no pods does not look for their ports either
  host_.node_api.remove(key_, [weak = weak_from_this()](const Answer<Nothing>& answer) {
    auto self = weak.lock();
    if (!self) return;
    if (answer.ok()) return self->sandbox_removed();
    self->stage_ = Stage::ready;
    if (!answer.unreachable) self->host_.recorder.warning(self->subject(), "FailedKillPod", answer.error);
    self->retry_after(self->back_off_.next());
  });
}

void PodWorker::sandbox_removed() {
  stage_ = abandoned_ || pod_.terminating() ? Stage::removed : Stage::none;
  for_each_container([](ContainerWorker& worker) { worker.lose(); });
  sync_soon();
}

void PodWorker::release_address() {
  if (address_) host_.addresses.release(*address_);
  address_.reset();
}

// ---- its object

PodState PodWorker::state() const {
  PodState state;
  for (const auto& worker : init_containers_) state.init_containers.push_back(worker->status());
  for (const auto& worker : containers_) state.containers.push_back(worker->status());
  state.pod_ip = context_.place.pod_ip;
  state.host_ip = host_.address;
  state.start_time = start_time_;
  return state;
}

void PodWorker::publish() {
  // What had ended before we came has its last status already.
  if (pod_.finished() && stage_ == Stage::none) return;
  status_.write(status_of(pod_, state(), status_.conditions()));
}

void PodWorker::remove_object() {
  if (object_gone_) return callbacks_.on_gone();
  if (std::exchange(removing_object_, true)) return;
  // By its uid: another pod may have its name by now.
  boost::json::value options{{"kind", "DeleteOptions"},
                             {"apiVersion", "v1"},
                             {"gracePeriodSeconds", 0},
                             {"preconditions", boost::json::object{{"uid", uid()}}}};
  host_.api.request("DELETE", kube::resources::pods.path(pod_.metadata.namespace_name, pod_.metadata.name), &options,
                    "application/json", [weak = weak_from_this()](const kube::Reply& reply) {
                      auto self = weak.lock();
                      if (!self) return;
                      self->removing_object_ = false;
                      if (reply.unreachable() || reply.status >= 500) return self->retry_after(object_retry);
                      self->object_gone_ = true;
                      self->callbacks_.on_gone();
                    });
}

}  // namespace nodelet
