#include "agents/nodelet/container_worker.h"

#include <fmt/format.h>

#include <utility>

namespace nodelet {

using Phase = ContainerState::Phase;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// What containerd reports where there is nothing to run.
constexpr int start_error_code = 128;
// What kubelet assumes of a container that it cannot find any more.
constexpr int lost_code = 137;
// A hook may take as long as it likes, and the node API wants a number.
constexpr std::chrono::hours post_start_limit{24};

milliseconds in_milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration);
}

}  // namespace

ContainerWorker::ContainerWorker(PodContext& context, kube::Container container, Role role)
    : context_(context), container_(std::move(container)), role_(role), timer_(context.loop) {
  status_.name = container_.name;
  status_.image = container_.image;
  bool waits_for_others = role == Role::main && !context.pod.init_containers.empty();
  status_.state.reason = waits_for_others || role == Role::init ? "PodInitializing" : "ContainerCreating";
}

Subject ContainerWorker::subject() const {
  const kube::Metadata& pod = context_.pod.metadata;
  std::string list = role_ == Role::init ? "initContainers" : "containers";
  return {"Pod", pod.namespace_name, pod.name, pod.uid, "spec." + list + "{" + container_.name + "}"};
}

void ContainerWorker::wait_for(Clock::duration delay, std::function<void()> then) {
  timer_.expires_after(delay);
  timer_.async_wait([weak = weak_from_this(), then = std::move(then)](const boost::system::error_code& cancelled) {
    auto self = weak.lock();
    if (!cancelled && self) then();
  });
}

// ---- starting

void ContainerWorker::ensure_started() {
  if (!due_ || is_active() || stopping_) return;
  due_ = false;
  std::variant<Command, Refusal> what = command_for(context_.pod, container_, context_.place);
  if (const auto* command = std::get_if<Command>(&what)) {
    start(*command);
  } else {
    refuse(std::get<Refusal>(what));
  }
}

void ContainerWorker::refuse(const Refusal& refusal) {
  if (status_.state.terminated()) status_.last = status_.state;
  status_.state = {Phase::waiting, refusal.reason, refusal.message};
  if (std::exchange(refused_, refusal.message) != refusal.message) {
    context_.recorder.warning(subject(), "Failed", refusal.message);
  }
  context_.changed();
}

void ContainerWorker::start(const Command& command) {
  starting_ = true;
  ContainerRequest request{container_.name, command.arguments, command.environment, command.working_directory};
  context_.node_api.start(context_.key, request, [weak = weak_from_this()](Answer<RunningContainer> answer) {
    auto self = weak.lock();
    if (!self) return;
    self->starting_ = false;
    answer.ok() ? self->started(*answer.value) : self->start_failed(answer);
    self->early_exits_.clear();
  });
}

void ContainerWorker::count_run() {
  if (std::exchange(has_run_, true)) ++status_.restarts;
  if (status_.state.terminated()) status_.last = status_.state;
  running_since_ = Clock::now();
}

void ContainerWorker::started(const RunningContainer& container) {
  count_run();
  status_.state = {Phase::running};
  status_.state.id = container.id;
  status_.state.started_at = kube::timestamp_now();
  unreachable_back_off_.reset();
  context_.recorder.normal(subject(), "Started", "Started container " + container_.name);
  auto early = early_exits_.find(container.id);
  if (!container.running) return ended(container.exit_code, {});
  if (early != early_exits_.end()) return ended(early->second, {});
  container_.post_start_command.empty() ? begin_probes(Clock::duration::zero()) : run_post_start();
  if (stopping_) stop(stop_grace_, {});
  context_.changed();
}

// The container is neither started nor ready before its hook has ended, nor is it probed.
void ContainerWorker::run_post_start() {
  post_start_ = context_.node_api.execute(context_.key, container_.post_start_command, post_start_limit,
                                          [weak = weak_from_this()](const Answer<CommandResult>& answer) {
                                            if (auto self = weak.lock()) self->post_start_ended(answer);
                                          });
}

void ContainerWorker::post_start_ended(const Answer<CommandResult>& answer) {
  post_start_.reset();
  CommandResult result = answer.value.value_or(CommandResult{-1, {}, answer.error});
  if (result.exit_code == 0) {
    begin_probes(Clock::now() - running_since_);
    return context_.changed();
  }
  std::string words = result.exit_code < 0 ? result.error : "exit code " + std::to_string(result.exit_code);
  if (!result.output.empty()) words += ": " + result.output;
  context_.recorder.warning(subject(), "FailedPostStartHook", "PostStartHook failed: " + words);
  end(seconds(context_.pod.termination_grace_seconds), "FailedPostStartHook");
}

void ContainerWorker::cancel_post_start() {
  if (post_start_) std::exchange(post_start_, nullptr)->cancel();
}

void ContainerWorker::start_failed(const Answer<RunningContainer>& answer) {
  context_.doubt();
  if (answer.unreachable) {
    // Nobody's fault of the container's: it is tried again as soon as the node API is back.
    wait_for(unreachable_back_off_.next(), [this] {
      due_ = true;
      context_.changed();
    });
    return context_.changed();
  }
  context_.recorder.warning(subject(), "Failed",
                            "Error: failed to start container " + container_.name + ": " + answer.error);
  count_run();
  status_.state = {};
  status_.state.started_at = kube::timestamp_now();
  ended(start_error_code, "StartError", answer.error);
}

// ---- ending

void ContainerWorker::take_exit(const std::string& id, int exit_code) {
  if (starting_) early_exits_[id] = exit_code;
  if (status_.state.running() && status_.state.id == id) ended(exit_code, {});
}

bool ContainerWorker::restarts_after(int exit_code) const {
  if (stopping_) return false;
  if (role_ == Role::init) return exit_code != 0 && context_.pod.restart_policy != "Never";
  if (context_.pod.restart_policy == "Always") return true;
  return context_.pod.restart_policy == "OnFailure" && exit_code != 0;
}

void ContainerWorker::ended(int exit_code, const std::string& reason, const std::string& message) {
  cancel_post_start();
  end_probes();
  termination_.reset();
  status_.started = status_.ready = false;
  ContainerState ended = status_.state;
  ended.phase = Phase::terminated;
  ended.exit_code = exit_code;
  ended.reason = !reason.empty() ? reason : exit_code == 0 ? "Completed" : "Error";
  ended.message = message;
  if (ended.finished_at.empty()) ended.finished_at = kube::timestamp_now();
  status_.state = ended;
  will_restart_ = restarts_after(exit_code);
  if (will_restart_) restart_later(Clock::now() - running_since_);
  context_.changed();
}

void ContainerWorker::restart_later(Clock::duration ran) {
  milliseconds delay = back_off_.next(in_milliseconds(ran));
  status_.last = status_.state;
  status_.state = {Phase::waiting, "CrashLoopBackOff",
                   fmt::format("back-off {} ms restarting failed container={} pod={}", delay.count(), container_.name,
                               context_.key)};
  context_.recorder.warning(subject(), "BackOff",
                            "Back-off restarting failed container " + container_.name + " in pod " + context_.key);
  wait_for(delay, [this] {
    due_ = true;
    context_.changed();
  });
}

void ContainerWorker::stop(seconds grace, const std::string& why) {
  stopping_ = true;
  will_restart_ = due_ = false;
  stop_grace_ = grace;
  timer_.cancel();
  cancel_post_start();
  // Readiness goes on: whether it still serves while it ends is what balancers want to know.
  startup_.reset();
  liveness_.reset();
  end(grace, why);
}

void ContainerWorker::end(seconds grace, const std::string& why) {
  if (!status_.state.running()) return;
  if (termination_) return termination_->shorten(grace);
  if (!why.empty()) context_.recorder.normal(subject(), "Killing", why);
  termination_ = std::make_unique<Termination>(context_.loop, context_.node_api, container_, context_.key,
                                               status_.state.id, grace);
}

// ---- probes

std::unique_ptr<Prober> ContainerWorker::make_prober(ProbeKind kind, const std::optional<kube::Probe>& probe,
                                                     Clock::duration ran) {
  if (!probe) return nullptr;
  static constexpr const char* names[] = {"Startup", "Liveness", "Readiness"};
  std::string name = names[static_cast<size_t>(kind)];
  Prober::Callbacks callbacks;
  callbacks.on_state = [this, kind](bool success) { probe_state(kind, success); };
  callbacks.on_failure = [this, name](const std::string& message) {
    context_.recorder.warning(subject(), "Unhealthy", name + " probe failed: " + message);
  };
  return std::make_unique<Prober>(context_.loop, context_.node_api, kind, *probe, container_,
                                  ProbeTarget{context_.key, context_.place.pod_ip}, ran, std::move(callbacks));
}

// Liveness and readiness begin when the startup probe has succeeded.
void ContainerWorker::begin_probes(Clock::duration ran) {
  status_.started = status_.started || !container_.startup_probe;
  if (!status_.started) {
    startup_ = make_prober(ProbeKind::startup, container_.startup_probe, ran);
    return;
  }
  startup_.reset();
  liveness_ = make_prober(ProbeKind::liveness, container_.liveness_probe, ran);
  readiness_ = make_prober(ProbeKind::readiness, container_.readiness_probe, ran);
  if (!readiness_) status_.ready = role_ == Role::main;
}

void ContainerWorker::probe_state(ProbeKind kind, bool success) {
  if (kind == ProbeKind::readiness) {
    if (std::exchange(status_.ready, success) != success) context_.changed();
    return;
  }
  if (!success) {
    startup_.reset();
    liveness_.reset();
    std::string name = kind == ProbeKind::startup ? "startup" : "liveness";
    return end(seconds(context_.pod.termination_grace_seconds),
               "Container " + container_.name + " failed " + name + " probe, will be restarted");
  }
  if (kind == ProbeKind::startup) {
    status_.started = true;
    begin_probes(Clock::now() - running_since_);
    context_.changed();
  }
}

void ContainerWorker::end_probes() {
  startup_.reset();
  liveness_.reset();
  readiness_.reset();
}

// ---- what others know

void ContainerWorker::remember(const ContainerStatus& earlier) {
  remembered_ = earlier;
  status_.restarts = earlier.restarts;
  status_.last = earlier.last;
  has_run_ = earlier.last || !earlier.state.waiting();
}

void ContainerWorker::adopt(const RunningContainer& existing) {
  due_ = false;
  running_since_ = Clock::now();
  if (remembered_ && remembered_->state.id == existing.id && !remembered_->state.waiting()) {
    status_ = *remembered_;
  } else if (status_.last && status_.last->id == existing.id) {
    status_.state = *std::exchange(status_.last, std::nullopt);
  } else {
    count_run();
    status_.state = {};
    status_.state.started_at = kube::timestamp_now();
  }
  has_run_ = true;
  status_.state.id = existing.id;
  if (!existing.running) return ended(existing.exit_code, {});
  status_.state.phase = Phase::running;
  status_.state.reason = status_.state.message = {};
  begin_probes(std::chrono::hours(1));  // long enough for any initial delay
  context_.changed();
}

void ContainerWorker::recall() {
  if (!remembered_ || remembered_->state.waiting()) return;
  due_ = false;
  running_since_ = Clock::now();
  status_.state = remembered_->state;
  status_.state.running() ? lose() : ended(status_.state.exit_code, {});
}

void ContainerWorker::reconcile(const RunningContainer* existing, Clock::time_point as_of) {
  if (starting_) return;
  if (!status_.state.running()) {
    if (existing != nullptr && existing->running && !is_finished()) adopt(*existing);
    return;
  }
  if (running_since_ > as_of) return;
  if (existing == nullptr || existing->id != status_.state.id) return lose();
  if (!existing->running) return ended(existing->exit_code, {});
  if (termination_) termination_->repeat();
}

void ContainerWorker::lose() {
  if (!status_.state.running()) return;
  ended(lost_code, "ContainerStatusUnknown", "The container could not be located any more");
}

void ContainerWorker::begin_anew() {
  if (is_active()) return;
  if (status_.state.terminated()) status_.last = status_.state;
  status_.state = {Phase::waiting, "PodInitializing"};
  due_ = will_restart_ = !stopping_;
}

}  // namespace nodelet
