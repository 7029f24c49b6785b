#include "agents/nodelet/pods.h"

#include <utility>
#include <vector>

#include "lib/base/error.h"

namespace nodelet {

namespace {

// Somebody may flush the table.
constexpr std::chrono::seconds ports_interval{5};

std::string uid_of(const kube::Object& object) {
  return kube::text_at(object, "metadata.uid");
}

}  // namespace

Pods::Pods(Host& host, std::ostream& log)
    : host_(host),
      log_(log),
      objects_(host.api, kube::resources::pods, {{}, {}, "spec.nodeName=" + host.node}),
      ports_timer_(host.loop) {}

void Pods::start() {
  kube::Informer::Callbacks callbacks;
  callbacks.on_synced = [this] { look(); };
  callbacks.on_upsert = [this](const kube::Object& object, const kube::Object*) { upsert(object); };
  callbacks.on_delete = [this](const kube::Object& object) { remove(object); };
  objects_.start(std::move(callbacks));
}

void Pods::wake() {
  for (const auto& [key, worker] : workers_) worker->wake();
}

void Pods::take_exit(const ContainerExit& exit) {
  auto found = workers_.find(exit.pod);
  if (found != workers_.end()) found->second->take_exit(exit);
}

// ---- what the node has

void Pods::look() {
  look_again_ = looking_;
  if (std::exchange(looking_, true)) return;
  Clock::time_point now = Clock::now();
  host_.node_api.list([this, now](const Answer<std::vector<Sandbox>>& answer) { looked(answer, now); });
}

void Pods::looked(const Answer<std::vector<Sandbox>>& answer, Clock::time_point as_of) {
  looking_ = false;
  // What an API server that is merely away would want is not known: nothing is compared, and nothing removed.
  if (answer.ok() && objects_.synced()) {
    std::map<std::string, Sandbox> sandboxes;
    for (const Sandbox& sandbox : *answer.value) sandboxes[sandbox.name] = sandbox;
    compare(sandboxes, as_of);
  }
  if (std::exchange(look_again_, false)) look();
}

void Pods::compare(const std::map<std::string, Sandbox>& sandboxes, Clock::time_point as_of) {
  bool is_first = !std::exchange(compared_, true);
  auto find = [&](const std::string& key) -> const Sandbox* {
    auto found = sandboxes.find(key);
    return found == sandboxes.end() ? nullptr : &found->second;
  };
  for (const auto& [key, worker] : workers_) worker->reconcile(find(key), as_of);
  for (const auto& [key, object] : objects_.store()) {
    if (workers_.count(key) == 0) create_worker(object, find(key));
  }
  for (const auto& [key, sandbox] : sandboxes) {
    if (workers_.count(key) == 0) remove_sandbox(sandbox);
  }
  std::erase_if(unwanted_, [&](const auto& entry) {
    bool gone = !entry.second.being_removed && find(entry.first) == nullptr;
    if (gone && entry.second.address) host_.addresses.release(*entry.second.address);
    return gone;
  });
  if (!is_first) return;
  host_.ports.begin(!sandboxes.empty());
  keep_ports();
}

void Pods::keep_ports() {
  try {
    if (host_.ports.ensure()) log_ << "nodelet: wrote the iptables chains of host ports" << std::endl;
    ports_complaint_.clear();
  } catch (const base::Error& error) {
    if (std::exchange(ports_complaint_, error.what()) != error.what()) {
      log_ << "nodelet: the node's ports do not lead to its pods: " << error.what() << std::endl;
    }
  }
  ports_timer_.expires_after(ports_interval);
  ports_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) keep_ports();
  });
}

void Pods::remove_sandbox(const Sandbox& sandbox) {
  Unwanted& unwanted = unwanted_[sandbox.name];
  if (std::exchange(unwanted.being_removed, true)) return;
  unwanted.address = netlink::IpAddress::parse(sandbox.address);
  if (unwanted.address) host_.addresses.reserve(*unwanted.address);
  log_ << "nodelet: removing pod " << sandbox.name << ", which the API does not know" << std::endl;
  host_.node_api.remove(sandbox.name,
                        [this, key = sandbox.name](const Answer<Nothing>& answer) { sandbox_removed(key, answer); });
}

void Pods::sandbox_removed(const std::string& key, const Answer<Nothing>& answer) {
  Unwanted& unwanted = unwanted_[key];
  unwanted.being_removed = false;
  if (!answer.ok()) {
    // The next look finds it again.
    log_ << "nodelet: remove pod " << key << ": " << answer.error << std::endl;
    return;
  }
  if (unwanted.address) host_.addresses.release(*unwanted.address);
  unwanted_.erase(key);
  if (const kube::Object* object = objects_.find(key)) upsert(*object);
}

// ---- what the API wants

void Pods::upsert(const kube::Object& object) {
  auto found = workers_.find(kube::key_of(object));
  if (found == workers_.end()) {
    if (compared_) create_worker(object);
  } else if (found->second->uid() == uid_of(object)) {
    found->second->update(object);
  } else {
    found->second->abandon();  // when it is gone, the new one is begun
  }
}

void Pods::remove(const kube::Object& object) {
  auto found = workers_.find(kube::key_of(object));
  if (found != workers_.end() && found->second->uid() == uid_of(object)) found->second->abandon();
}

void Pods::create_worker(const kube::Object& object, const Sandbox* existing) {
  std::string key = kube::key_of(object);
  std::string uid = uid_of(object);
  if (unwanted_.count(key) > 0) return;
  if (existing != nullptr && existing->uid != uid) return remove_sandbox(*existing);
  auto worker = std::make_shared<PodWorker>(
      host_, object, PodWorker::Callbacks{[this, key, uid] { worker_gone(key, uid); }, [this] { look(); }});
  workers_[key] = worker;
  worker->begin(existing);
}

void Pods::worker_gone(const std::string& key, const std::string& uid) {
  auto found = workers_.find(key);
  if (found == workers_.end() || found->second->uid() != uid) return;
  workers_.erase(found);
  const kube::Object* object = objects_.find(key);
  if (object != nullptr && uid_of(*object) != uid) create_worker(*object);
}

}  // namespace nodelet
