#include "agents/nodelet/termination.h"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace nodelet {

using std::chrono::seconds;

namespace {

// What is left for SIGTERM where preStop has used up the grace: kubelet's minimumGracePeriodInSeconds.
constexpr seconds least_grace{2};

}  // namespace

Termination::Termination(boost::asio::io_context& loop, NodeApi& node_api, const kube::Container& container,
                         std::string pod, std::string container_id, seconds grace)
    : node_api_(node_api),
      container_(container),
      pod_(std::move(pod)),
      id_(std::move(container_id)),
      deadline_(Clock::now() + grace),
      timer_(std::make_shared<boost::asio::steady_timer>(loop)) {
  if (grace <= seconds::zero()) {
    step_ = Step::killed;
    node_api_.signal(pod_, id_, SIGKILL);
  } else {
    run_pre_stop();
  }
}

template <class Function>
void Termination::at(Clock::time_point when, Function&& function) {
  timer_->expires_at(when);
  timer_->async_wait([weak = std::weak_ptr(timer_), function](const boost::system::error_code& cancelled) {
    if (!cancelled && !weak.expired()) function();
  });
}

void Termination::run_pre_stop() {
  if (container_.pre_stop_sleep_seconds > 0) {
    return at(std::min(deadline_, Clock::now() + seconds(container_.pre_stop_sleep_seconds)), [this] { terminate(); });
  }
  if (container_.pre_stop_command.empty()) return terminate();
  seconds left = std::chrono::ceil<seconds>(deadline_ - Clock::now());
  pre_stop_ = node_api_.execute(pod_, container_.pre_stop_command, left,
                                [this, weak = std::weak_ptr(timer_)](const Answer<CommandResult>&) {
                                  if (!weak.expired() && step_ == Step::pre_stop) terminate();
                                });
  at(deadline_, [this] { terminate(); });
}

void Termination::terminate() {
  step_ = Step::terminating;
  if (pre_stop_) pre_stop_->cancel();
  bool has_pre_stop = container_.pre_stop_sleep_seconds > 0 || !container_.pre_stop_command.empty();
  if (has_pre_stop) deadline_ = std::max(deadline_, Clock::now() + least_grace);
  node_api_.signal(pod_, id_, SIGTERM);
  kill_at_deadline();
}

void Termination::kill_at_deadline() {
  at(deadline_, [this] {
    step_ = Step::killed;
    node_api_.signal(pod_, id_, SIGKILL);
  });
}

void Termination::shorten(seconds grace) {
  deadline_ = std::min(deadline_, Clock::now() + grace);
  if (grace <= seconds::zero() && step_ == Step::pre_stop) terminate();
  if (step_ == Step::terminating) kill_at_deadline();
}

void Termination::repeat() {
  if (step_ == Step::terminating) node_api_.signal(pod_, id_, SIGTERM);
  if (step_ == Step::killed) node_api_.signal(pod_, id_, SIGKILL);
}

}  // namespace nodelet
