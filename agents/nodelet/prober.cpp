#include "agents/nodelet/prober.h"

#include <utility>

namespace nodelet {

Prober::Prober(boost::asio::io_context& loop, NodeApi& node_api, ProbeKind kind, const kube::Probe& probe,
               const kube::Container& container, ProbeTarget target, ProbeSchedule::Duration ran, Callbacks callbacks)
    : loop_(loop),
      node_api_(node_api),
      probe_(probe),
      container_(container),
      target_(std::move(target)),
      callbacks_(std::move(callbacks)),
      schedule_(kind, probe),
      timer_(std::make_shared<boost::asio::steady_timer>(loop)) {
  try_after(schedule_.begin(ProbeSchedule::Clock::now(), ran));
}

void Prober::try_after(ProbeSchedule::Duration delay) {
  timer_->expires_after(delay);
  timer_->async_wait([this, weak = std::weak_ptr(timer_)](const boost::system::error_code& cancelled) {
    if (cancelled || weak.expired()) return;
    attempt_ = attempt_probe(loop_, node_api_, probe_, container_, target_,
                             [this](const ProbeResult& result) { take(result); });
  });
}

// A callback may destroy us: it comes last.
void Prober::take(const ProbeResult& result) {
  ProbeSchedule::Verdict verdict = schedule_.take(result.success, ProbeSchedule::Clock::now());
  try_after(verdict.next);
  Callbacks callbacks = callbacks_;
  if (verdict.is_reported && callbacks.on_failure) callbacks.on_failure(result.message);
  if (verdict.state && callbacks.on_state) callbacks.on_state(*verdict.state);
}

}  // namespace nodelet
